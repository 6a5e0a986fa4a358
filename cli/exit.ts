/** Exit statuses; scripts rely on them. */
export const EXIT = {
  done: 0,
  /** Failed while running. */
  failed: 1,
  /** Wrong use or configuration. */
  usage: 2,
  /** Done, with a bad verdict, e.g. an incident at or above `--fail-on`. */
  verdict: 3,
  /** A decision waits for a person. */
  waiting: 4,
  /** A brake holds it. */
  held: 5,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
