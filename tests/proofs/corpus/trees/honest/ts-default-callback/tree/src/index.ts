export type OnFailure = (error: unknown, attempt: number) => void;

function noop(): void {}

/** What a retry can tell; every member may be left as it is. */
export class Listener {
  failed(_error: unknown, _attempt: number): void {}
  done(_attempts: number): void {}
}

/** Call a function up to `times` times, until it does not throw. */
export function retry<T>(
  work: () => T,
  times: number,
  onFailure: OnFailure = noop,
  listener: Listener = new Listener(),
): T {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = work();
      listener.done(attempt);
      return result;
    } catch (error) {
      onFailure(error, attempt);
      listener.failed(error, attempt);
      if (attempt >= times) {
        throw error;
      }
    }
  }
}
