/** Time, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Calls `alarm` after `ms`, without keeping the process alive; returns what calls it off. */
  after(ms: number, alarm: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, alarm) {
    const timer = setTimeout(alarm, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`. Unlike an alarm it keeps the process alive: somebody waits for what comes after. */
export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const keepAlive = setInterval(() => undefined, 1 << 30);
    clock.after(ms, () => {
      clearInterval(keepAlive);
      resolve();
    });
  });
}
