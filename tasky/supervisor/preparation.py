"""What a task is started with: its checked parameters, its folder, the files that came with it."""

from __future__ import annotations

from ..errors import InvalidParams, SpawnError
from ..store import Store
from .launch import Launch
from .live import Live


def prepare(store: Store, live: Live) -> Launch:
    """In the spawner's thread. Raises SpawnError; OSError or StoreError if a folder or a file of it cannot be made."""
    definition = live.definition
    if definition is None:
        raise SpawnError("the worker was removed while the task waited")
    params = live.params
    if params is None:
        order = store.reader.order(live.task_id)
        if order is None:
            raise SpawnError("the task is not in the store")
        live.timeout = definition.timeout if order.timeout is None else order.timeout
        live.secrets = order.secrets
        try:
            params = definition.parameters.check(order.params, order.secrets, stored=True)
        except InvalidParams as error:
            message = f"its parameters do not fit the worker as it is now: {error.message}"
            raise SpawnError(message) from error
    workdir = store.folders.create(live.task_id)
    if uploads := definition.parameters.uploads(params):
        store.uploads.place(live.task_id, uploads, workdir)
        params = definition.parameters.with_paths(params, lambda each: f"{workdir}/{each.file}")
    return Launch(
        task_id=live.task_id,
        definition=definition,
        params=params,
        attempt=live.attempt,
        workdir=workdir,
        masker=definition.parameters.masker(params, live.secrets),
    )
