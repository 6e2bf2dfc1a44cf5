/** What an operation reports while it works: data, for a renderer to show as it likes. */
export type SessionEvent =
  /** A step has begun; it ends when the next one begins or the operation ends. */
  | { readonly type: 'step'; readonly text: string }
  /** One line of what a step's program says (a build), shown only when asked for or when the step fails. */
  | { readonly type: 'output'; readonly line: string }
  /** How far the present step is. `total` may be unknown. */
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total?: number;
      readonly unit: 'B' | 'steps';
    }
  /** A sentence that the user should see whatever else happens. */
  | { readonly type: 'notice'; readonly text: string }
  /** What came out of it, in a sentence. */
  | { readonly type: 'done'; readonly text: string };

export type Report = (event: SessionEvent) => void;
