/** A point where one branch of a test waits for another, in place of a sleep. */
export interface Gate<T = void> {
  /** Resolves when the gate opens. */
  readonly opened: Promise<T>;
  readonly open: (value: T) => void;
  readonly fail: (error: unknown) => void;
}

export function gate<T = void>(): Gate<T> {
  let open!: Gate<T>['open'];
  let fail!: Gate<T>['fail'];
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  // Whoever waits hears of a failure; a gate that nobody waits at may fail unheard.
  opened.catch(() => undefined);
  return { opened, open, fail };
}

/** Lets everything run that is ready to run: callbacks of this turn of the event loop, and of the next one. */
export async function settle(turns = 2): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resume) => setImmediate(resume));
}

/** Hears of the promise's failure, so that a test may look at it later. */
export function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
