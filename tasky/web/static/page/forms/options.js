// What one can say about a task besides its parameters: as fields like theirs.

/** @type {import("./fields.js").Field[]} */
export const OPTIONS = [
  {
    name: "label", kind: "list", required: false, nullable: false, secret: false, fallback: [],
    schema: { title: "Labels", description: "key:value, to find the task by", type: "array", items: { type: "string", pattern: "^[^:]{1,64}:" } },
  },
  {
    name: "priority", kind: "number", required: false, nullable: false, secret: false, fallback: 0,
    schema: { title: "Priority", description: "Of the tasks that wait, those with a higher one start first", type: "integer", minimum: -10, maximum: 10 },
  },
  {
    name: "timeout", kind: "text", required: false, nullable: false, secret: false, fallback: "",
    schema: { title: "Timeout", description: "The task fails after so long", type: "string", pattern: "^$|^[0-9]", examples: ["1h30m"] },
  },
  {
    name: "at", kind: "datetime", required: false, nullable: false, secret: false, fallback: "",
    schema: { title: "Not before", description: "It waits until then, in your time", type: "string" },
  },
];
