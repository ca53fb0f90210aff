/** What is there at once in most cases, and has to be waited for in others: a promise for each step costs more than most steps do. */

/** Goes on with a value at once, or as soon as it is there. */
export function after<Value, Result>(
  value: Value | Promise<Value>,
  goOn: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(goOn) : goOn(value)
}
