/** The order of resource versions: decimal numbers that grow (KEP-5504); what is none has no order. */

/** Whether the first is older than the second. False if that can't be said. */
export function isOlder(first: string | undefined, second: string | undefined): boolean {
  return isDecimal(first) && isDecimal(second) && compare(first, second) < 0
}

/** The newer of two, and the second if that can't be said. */
export function newest(first: string, second: string): string {
  return isOlder(second, first) ? first : second
}

function compare(first: string, second: string): number {
  return first.length - second.length || (first < second ? -1 : Number(first > second))
}

function isDecimal(version: string | undefined): version is string {
  return version !== undefined && /^[1-9]\d*$/.test(version)
}
