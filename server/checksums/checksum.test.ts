import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { algorithmNamed, algorithms } from './algorithm.ts'
import { checksumOf } from './checksum.ts'

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
const never = new AbortController().signal

/** Gives less than it is asked for, as files may. */
function fileOf(bytes: Buffer) {
  let position = 0
  return {
    async read(buffer: Uint8Array): Promise<number> {
      const given = bytes.copy(buffer, 0, position, Math.min(position + 50_000, position + buffer.byteLength))
      position += given
      return given
    },
  }
}

const options = { signal: never, progress: { bytes: 0 } }

test.each(algorithms)('%s is what others compute', async algorithm => {
  const expected =
    algorithm === 'CRC32'
      ? crc32(content).toString(16).padStart(8, '0')
      : createHash(algorithm.replace('-', '')).update(content).digest('hex')
  expect(await checksumOf(fileOf(content), { ...options, algorithm, bytes: content.length })).toBe(expected)
  expect(await checksumOf(fileOf(content), { ...options, algorithm, bytes: content.length + 1 })).toBe(expected)
})

test('It is of so many bytes, and counts them', async () => {
  const progress = { bytes: 0 }
  const hex = await checksumOf(fileOf(content), { ...options, progress, algorithm: 'CRC32', bytes: 60_001 })
  expect(Number.parseInt(hex, 16)).toBe(crc32(content.subarray(0, 60_001)))
  expect(progress.bytes).toBe(60_001)
})

test('CRC32 has eight digits, of nothing too', async () => {
  expect(await checksumOf(fileOf(Buffer.alloc(0)), { ...options, algorithm: 'CRC32', bytes: 0 })).toBe('00000000')
})

test('It ends when it is told to, and lets others have their turn', async () => {
  const abort = new AbortController()
  const endless = { read: async (buffer: Uint8Array) => buffer.byteLength }
  const running = checksumOf(endless, { ...options, signal: abort.signal, algorithm: 'MD5', bytes: Infinity })
  setImmediate(() => abort.abort())
  await expect(running).rejects.toMatchObject({ kind: 'failed' })
})

test('An algorithm is found by its name, whatever its case', () => {
  expect(algorithmNamed('sha-512')).toBe('SHA-512')
  expect(algorithmNamed('SHA512')).toBe(undefined)
})
