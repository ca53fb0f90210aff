/** The worker thread that parses one large list of users, and hands it out entry by entry. */
import { parentPort } from 'node:worker_threads'
import { decodeText } from './text.ts'
import type { Violation } from './validate.ts'
import { parseYaml } from './yaml.ts'

/** What the list is but for its entries, of which there are so many; undefined if it has none that could be counted. */
export type ListHead =
  | { readonly parsed: true; readonly value: unknown; readonly entries: number | undefined }
  | { readonly parsed: false; readonly violations: readonly Violation[] }

const batchEntries = 500

parentPort?.once('message', (content: Uint8Array) => {
  const text = decodeText(content)
  const yaml = text === undefined ? notText : parseYaml(text)
  const entries = yaml.parsed ? entriesOf(yaml.value) : undefined
  let told = 0
  // One batch a question, so that whoever asks does other work in between.
  parentPort?.on('message', () => {
    parentPort?.postMessage(entries?.slice(told, told + batchEntries))
    told += batchEntries
  })
  parentPort?.postMessage(headOf())

  function headOf(): ListHead {
    if (!yaml.parsed) return yaml
    if (entries === undefined) return { ...yaml, entries: undefined }
    return { parsed: true, value: { ...(yaml.value as object), users: [] }, entries: entries.length }
  }
})

const notText = { parsed: false, violations: [{ path: '', message: 'must be text in UTF-8' }] } as const

function entriesOf(value: unknown): readonly unknown[] | undefined {
  return typeof value === 'object' && value !== null && 'users' in value && Array.isArray(value.users)
    ? value.users
    : undefined
}
