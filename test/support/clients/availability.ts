/** Tests with programs that may be missing: left out loudly on a person's machine, a failure where the tests are the gate. */
import { describe, it } from 'vitest'
import { freePort } from '../server.ts'
import type { FoundClient, RealClient } from './client.ts'

/** Says, with one line a client, which of them are missing. Call it once in a file of tests, where they are collected. */
export function announceMissing(clients: readonly FoundClient[]): void {
  for (const found of clients) if ('missing' in found) console.warn(sentenceOf(found))
}

/** The client's tests; or, where it is missing, one test that says so: skipped, but failing in CI. */
export function describeClient(found: FoundClient, body: (client: RealClient) => void): void {
  describe(found.name, () => {
    if ('client' in found) body(found.client)
    else leaveOut(sentenceOf(found))
  })
}

/** Whether this machine has IPv6 on its loopback interface. */
export async function hasIpv6(): Promise<boolean> {
  return freePort('::1').then(
    () => true,
    () => false,
  )
}

/** A test in place of those that cannot run on this machine. */
export function leaveOut(sentence: string): void {
  const isGate = !['', 'false', '0'].includes(process.env.CI ?? '')
  if (!isGate) return it.skip(sentence)
  it(sentence, () => {
    throw new Error(`${sentence}. In CI nothing may be missing.`)
  })
}

function sentenceOf({ name, missing }: FoundClient & { readonly missing: string }): string {
  return `LEFT OUT: all tests with ${name}, because ${missing}`
}
