/** In which order the ports of a range are tried: at random (RFC 2577 section 8), and each process those of its own. */
import { randomInt } from 'node:crypto'

/** The ports that are one process's own: every `of`-th of the range. With `of` 0 it has none. */
export type PortShare = { readonly index: number; readonly of: number }

export const wholeRange: PortShare = { index: 0, of: 1 }
export const noShare: PortShare = { index: 0, of: 0 }

/** First and last port. */
export type PortRange = { readonly first: number; readonly last: number }

export function isOwn(port: number, { first, last }: PortRange, { index, of }: PortShare): boolean {
  return port >= first && port <= last && of > 0 && (port - first) % of === index
}

/** How many ports of the range are one's own. */
export function countOwn({ first, last }: PortRange, { index, of }: PortShare): number {
  const count = last - first + 1
  return of === 0 || count <= index ? 0 : Math.ceil((count - index) / of)
}

/** At most about so many of one's own, spread over the range; `seed` is any integer from 0, and says which. */
export function fewOf(range: PortRange, share: PortShare, most: number, seed: number): PortShare {
  const step = Math.ceil(countOwn(range, share) / most)
  return step <= 1 ? share : { index: share.index + share.of * (seed % step), of: share.of * step }
}

/** Any port of one's own, at random. */
export function anyOwnPort(range: PortRange, share: PortShare): number | undefined {
  const count = countOwn(range, share)
  return count === 0 ? undefined : range.first + share.index + randomInt(count) * share.of
}

/** Each port of one's own, once, at random. */
export function* ownPorts(range: PortRange, share: PortShare): Generator<number> {
  const { index, of } = share
  for (const at of inRandomOrder(countOwn(range, share))) yield range.first + index + at * of
}

/** Each port of the others, once, at random. */
export function* foreignPorts(range: PortRange, share: PortShare): Generator<number> {
  if (share.of === 1) return
  for (const at of inRandomOrder(range.last - range.first + 1))
    if (!isOwn(range.first + at, range, share)) yield range.first + at
}

/** The numbers below `count`. No list is made: a range may have 65,535 ports. */
function* inRandomOrder(count: number): Generator<number> {
  if (count < 1) return
  const start = randomInt(count)
  yield start
  if (count === 1) return
  let step = randomInt(1, count)
  while (greatestCommonDivisor(step, count) !== 1) step = (step % (count - 1)) + 1
  for (let turn = 1; turn < count; turn++) yield (start + turn * step) % count
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
