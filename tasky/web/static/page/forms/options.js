// What one can say about a task besides its parameters: as fields like theirs.

/** @type {import("./fields.js").Field[]} */
export const OPTIONS = [
  {
    name: "label",
    kind: "list",
    plain: true,
    required: false,
    nullable: false,
    secret: false,
    fallback: [],
    schema: {
      title: "Labels",
      description: "key:value, to find the task by",
      type: "array",
      items: { type: "string", pattern: "^[^:]{1,64}:" },
    },
  },
  {
    name: "priority",
    kind: "number",
    plain: true,
    required: false,
    nullable: false,
    secret: false,
    fallback: 0,
    schema: {
      title: "Priority",
      description: "Of the tasks that wait, those with a higher one start first: from -10 to 10",
      type: "integer",
      minimum: -10,
      maximum: 10,
    },
  },
  {
    name: "timeout",
    kind: "text",
    plain: true,
    required: false,
    nullable: false,
    secret: false,
    fallback: "",
    schema: {
      title: "Timeout",
      description: "The task fails after so long: 90s, 1h30m",
      type: "string",
      pattern: "^$|^[0-9]",
    },
  },
  {
    name: "at",
    kind: "datetime",
    plain: true,
    required: false,
    nullable: false,
    secret: false,
    fallback: "",
    schema: { title: "Not before", description: "It waits until then", type: "string" },
  },
];
