"""The parameters of a worker: checked, completed, masked, and put into arguments. Pure."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError

from ..errors import InvalidParams, SpawnError, Violation
from . import upload
from .arguments import fill, nearest, placeholders, problems, refusals
from .masking import MASK, MAX_TEXTS, Masker, mask_params, secret_texts
from .schema import (
    LEADING_DASH,
    SECRET,
    Schema,
    brief,
    combined,
    compile_schema,
    keyword_of,
    schema_problems,
)
from .strict_json import MAX_NESTING, too_deep
from .upload import Upload

__all__ = [
    "MASK", "Masker", "Parameters", "check_args", "expand", "mask_params", "schema_problems",
]  # fmt: skip

#: As many violations are told of one parameter: a list may have a million wrong items.
_MAX_ERRORS: Final = 100
#: Of a value with more parts than this, the first violation only is looked for: to find all of them takes hundreds of
#: times the memory of the value.
_MANY_PARTS: Final = 1000
#: The keywords that allow no further members.
_CLOSED: Final = frozenset({"additionalProperties", "unevaluatedProperties"})


class Parameters:
    """What a worker's `params:` say. `schemas` must be free of schema_problems; `args` are the program's, if the values
    go there. Never changes; any thread may use it."""

    def __init__(self, schemas: Mapping[str, Schema], args: Sequence[str] = ()) -> None:
        schemas = copy.deepcopy(dict(schemas))
        self.secrets: Final = frozenset(n for n, schema in schemas.items() if schema.get(SECRET))
        self.names: Final = tuple(schemas)
        #: Those that take files: whether several.
        self.files: Final[Mapping[str, bool]] = {
            name: several
            for name, schema in schemas.items()
            if (several := upload.takes_several(schema)) is not None
        }
        self._schemas: Final = schemas
        self._validators: Final = {name: compile_schema(schemas[name]) for name in schemas}
        self._defaults: Final = {
            name: schema["default"] for name, schema in schemas.items() if "default" in schema
        }
        self._arguments: Final = placeholders(args) & schemas.keys()

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the whole object, without what a secret's own schema would tell."""
        return combined(self._schemas)

    def schema_at(self, root: str) -> dict[str, Any]:
        """The same as a part of another document, in which `root` refers to it."""
        return combined(self._schemas, root)

    @property
    def arguments(self) -> Mapping[str, bool]:
        """Those that go into a program's arguments: whether they may begin with a dash."""
        return {name: bool(self._schemas[name].get(LEADING_DASH)) for name in self._arguments}

    @property
    def defaults(self) -> dict[str, Any]:
        return copy.deepcopy(self._defaults)

    @property
    def config_objects(self) -> dict[str, Any]:
        """As the older API shows parameters: each with its default, or an empty text. A secret one is always empty."""
        defaults = self.defaults
        return {n: "" if n in self.secrets else defaults.get(n, "") for n in self.names}

    @property
    def lists(self) -> frozenset[str]:
        """Those that can be lists."""
        schemas = self._schemas.items()
        return frozenset(name for name, schema in schemas if "array" in schema.get("type", ()))

    def of(self, name: str) -> Schema:
        """The schema of one parameter; of one that there is not, a schema that says nothing."""
        return self._schemas.get(name, {})

    def uploads(self, params: Mapping[str, Any]) -> list[Upload]:
        """The files among stored parameters."""
        found: list[Upload] = []
        for name in self.files:
            upload.replaced(params.get(name), found.append)
        return found

    def with_paths(
        self, params: Mapping[str, Any], path_of: Callable[[Upload], str]
    ) -> dict[str, Any]:
        """Stored parameters as the worker gets them: a path in place of each file."""
        given = {n: upload.replaced(params[n], path_of) for n in self.files if n in params}
        return {**params, **given}

    def masker(self, params: Mapping[str, Any], secrets: Iterable[str] = ()) -> Masker | None:
        """For the secrets in `params`, and those that were `secrets` before; None if there are none."""
        hidden = self.secrets.union(secrets)
        if hidden.isdisjoint(params):
            return None
        return Masker(params[name] for name in hidden if name in params) or None

    def check(
        self, params: Mapping[str, Any], secrets: Iterable[str] = (), *, stored: bool = False
    ) -> dict[str, Any]:
        """`params` and the defaults, in the order of the definition; InvalidParams with all that is wrong, which quotes
        none that is secret, or was among the `secrets` before. A file is an Upload, and becomes JSON; where they come
        from the store (`stored`), it is that JSON already."""
        hidden = self.secrets.union(secrets)
        complete = {
            name: params[name] if name in params else copy.deepcopy(self._defaults[name])
            for name in self.names
            if name in params or name in self._defaults
        }
        violations = [*self._missing(complete), *self._unknown(params)]
        misplaced = dict(upload.misplaced(complete, self.files, stored=stored))
        violations += [_said([name], f": {what}") for name, what in misplaced.items()]
        complete = {n: upload.as_json(v) for n, v in complete.items() if n not in misplaced}
        unreadable = [*_unreadable(complete)]
        if (
            unreadable
        ):  # the rest is told when they are right: neither schema nor masker can deal with them
            raise InvalidParams(_presentable(violations + unreadable, None))
        for name, value in complete.items():
            violations += self._of_value(name, value, secret=name in hidden)
        if violations:
            raise InvalidParams(_presentable(violations, self.masker(complete, hidden)))
        return complete

    def misfits(self, name: str, value: Any) -> list[Violation]:
        """What is wrong with a value that the definition of something else has for this parameter."""
        unreadable = list(_unreadable({name: value}))
        found = unreadable or self._of_value(name, value, secret=name in self.secrets)
        return _presentable(found, None)

    def refusals(self, name: str, value: Any) -> Iterator[Violation]:
        """Why a value cannot be this parameter's in an argument, if so."""
        leading_dash = bool(self._schemas[name].get(LEADING_DASH))
        for index, reason in refusals(value, leading_dash):
            yield _said([name, *index], f": {reason}")

    def _missing(self, complete: Mapping[str, Any]) -> Iterator[Violation]:
        for name in self.names:
            if name not in complete:
                yield _said([name], " is required")

    def _unknown(self, params: Mapping[str, Any]) -> Iterator[Violation]:
        unknown = (name for name in params if name not in self._schemas)
        for name in itertools.islice(unknown, _MAX_ERRORS):
            yield _said([name], f": unknown parameter{nearest(name, self.names)}")

    def _of_value(self, name: str, value: Any, *, secret: bool) -> list[Violation]:
        """What is wrong with one parameter's value. Of a secret one it is not quoted, nor are the keys in it."""
        if name in self.files:  # to the schema, a file is a text
            value = upload.replaced(value, lambda each: each.file)
        schema = self._schemas[name] if secret else None
        errors = _errors(self._validators[name], value)
        told = itertools.chain.from_iterable(_told(name, error, schema) for error in errors)
        found = list(itertools.islice(dict.fromkeys(told), _MAX_ERRORS))
        if name in self._arguments:
            found += itertools.islice(self.refusals(name, value), _MAX_ERRORS)
        if secret and len(set(secret_texts(value))) > MAX_TEXTS:
            many = f": has more than {MAX_TEXTS} lines or items, too many to keep secret"
            found.append(_said([name], many))
        return found


def check_args(args: Sequence[str], parameters: Parameters) -> list[str]:
    """What is wrong with a definition's `args`."""
    found = [
        problem
        for element in args
        for problem in problems(element, parameters.names, parameters.lists)
    ]
    if not found:
        used = placeholders(args)
        for name, value in parameters.defaults.items():
            if name in used:
                found += [f"the default of {no.detail}" for no in parameters.refusals(name, value)]
    return found


def expand(args: Sequence[str], params: Mapping[str, Any], parameters: Parameters) -> list[str]:
    """The argv elements with their placeholders filled. SpawnError if `params`, checked when the task was submitted, do
    not go with `args`: the definition has changed since."""
    values = {**parameters.defaults, **params}
    for name in placeholders(args):
        if name not in values or name not in parameters.names:
            raise SpawnError(f"could not be started: its arguments need the parameter {name}")
        for violation in parameters.refusals(name, values[name]):
            raise SpawnError(f"could not be started: {violation.detail}")
    return fill(args, values)


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _unreadable(params: Mapping[str, Any]) -> Iterator[Violation]:
    """Values that are not what JSON in UTF-8 can be. A body that was read strictly has none."""
    for name, value in params.items():
        if isinstance(value, str) and value.isascii():  # most are, and some are large
            continue
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            text.encode()
            deep = too_deep(text, value)
        except RecursionError:
            deep = True
        except (ValueError, TypeError) as error:
            half = isinstance(error, UnicodeEncodeError)
            reason = "has half a surrogate pair" if half else "is not JSON"
            yield _said([name], f": {reason}")
            continue
        if deep:
            yield _said([name], f": is nested more than {MAX_NESTING} deep")


def _errors(validator: Draft202012Validator, value: Any) -> list[ValidationError]:
    """What the schema has against a value."""
    if not _has_many_parts(value):
        return list(itertools.islice(validator.iter_errors(value), _MAX_ERRORS))
    try:
        validator.validate(value)
    except ValidationError as error:
        return [error]
    return []


def _has_many_parts(value: Any) -> bool:
    """Counted until there are many."""
    queue, count = [value], 0
    while queue and count <= _MANY_PARTS:
        item = queue.pop()
        if isinstance(item, (list, dict)):
            count += len(item)
            if count <= _MANY_PARTS:
                queue += item.values() if isinstance(item, dict) else item
    return count > _MANY_PARTS


def _told(name: str, error: ValidationError, secret: Schema | None) -> Iterator[Violation]:
    """An error in our words. `secret` is the schema of a value that must not be quoted."""
    if secret is not None:
        yield _said([name], f": does not fit {keyword_of(error, secret)}")
        return
    path = [name, *error.instance_path]
    missing = getattr(error.kind, "property", None)
    if missing is not None:
        yield _said([*path, missing], " is required")
    elif error.schema_path and error.schema_path[-1] in _CLOSED:
        # Either it is at the object and names the members, or it is at the one member.
        members = getattr(error.kind, "unexpected", None)
        for end in [[]] if members is None else [[member] for member in members]:
            yield _said([*path, *end], ": is not known here")
    else:
        yield _said(path, f": {error.message}")


def _said(path: Sequence[str | int], text: str) -> Violation:
    return Violation(_dotted(path) + text, pointer(path))


def _dotted(path: Sequence[str | int]) -> str:
    """As people write it: files[0].name."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def _presentable(violations: Iterable[Violation], masker: Masker | None) -> list[Violation]:
    """Without secrets: the value of one parameter may quote that of another. Only then cut to a length for people: a
    secret of which half is cut off would not be found."""
    if masker is not None:
        violations = [Violation(masker.text(v.detail), masker.text(v.pointer)) for v in violations]
    return [Violation(brief(v.detail), v.pointer) for v in violations]
