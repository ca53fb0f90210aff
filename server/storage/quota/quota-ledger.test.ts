import { describe, expect, test } from 'vitest'
import { QuotaLedger } from './quota-ledger.ts'
import type { Taking, Usage } from './quotas.ts'

function start(stored: Record<string, Usage> = {}) {
  let now = 0
  const counted: string[] = []
  const ledger = new QuotaLedger({
    usageOf: async directory => {
      counted.push(directory)
      return stored[directory] ?? { bytes: 0, files: 0 }
    },
    now: () => now,
  })
  const pass = (seconds: number) => (now += seconds * 1000)
  return { ledger, holder: ledger.holder(), counted, pass, stored }
}

const limits = [{ directory: '/a', maxBytes: 100, maxFiles: 3 }]

function growth(bytes: number, more: Partial<Taking> = {}): Taking {
  return { path: '/a/file', least: bytes, most: bytes, files: 0, limits, ...more }
}

describe('The ledger of quotas', () => {
  test('counts what is there once, then gives to the last byte, and not one more', async () => {
    const { holder, counted } = start({ '/a': { bytes: 40, files: 1 } })
    expect(await Promise.all([holder.take(growth(30)), holder.take(growth(20))])).toEqual([30, 20])
    expect(holder.take(growth(10))).toBe(10)
    await expect(holder.take(growth(1))).rejects.toMatchObject({ kind: 'over-quota' })
    expect(counted).toEqual(['/a'])
  })

  test('gives less than is wanted, but not less than is needed', async () => {
    const { holder } = start()
    expect(await holder.take(growth(90))).toBe(90)
    await expect(holder.take({ ...growth(20), least: 11 })).rejects.toMatchObject({ kind: 'over-quota' })
    expect(holder.take({ ...growth(20), least: 1 })).toBe(10)
  })

  test('gives back what is gone', async () => {
    const { holder } = start()
    await holder.take(growth(100, { files: 3 }))
    await expect(holder.take(growth(0, { files: 1 }))).rejects.toMatchObject({ kind: 'over-quota' })
    holder.change({ path: '/a/b/c', bytes: -60, files: -1 })
    expect(holder.take(growth(60, { files: 1 }))).toBe(60)
    await expect(holder.take(growth(1))).rejects.toMatchObject({ kind: 'over-quota' })
  })

  test('holds all limits of a path, and counts what is not limited as well', async () => {
    const { holder } = start()
    const both = [{ directory: '/', maxBytes: 150 }, ...limits]
    expect(await holder.take(growth(10, { limits: both }))).toBe(10)
    expect(holder.take(growth(80, { limits: [] }))).toBe(80)
    await expect(holder.take(growth(11, { limits: both }))).rejects.toMatchObject({ kind: 'over-quota' })
    expect(holder.take(growth(60, { path: '/ab', limits: both.slice(0, 1) }))).toBe(60)
    await expect(holder.take(growth(1, { limits: both }))).rejects.toMatchObject({ kind: 'over-quota' })
  })

  test('counts again after five minutes, but not while an upload runs', async () => {
    const { holder, counted, pass, stored } = start()
    await holder.take(growth(50, { upload: 'begins' }))
    stored['/a'] = { bytes: 90, files: 1 }
    pass(301)
    expect(holder.take(growth(0, { upload: 'begins' }))).toBe(0)
    holder.change({ path: '/a/file', bytes: 0, files: 0, upload: 'ends' })
    expect(holder.take(growth(0, { upload: 'begins' }))).toBe(0)
    expect(counted).toHaveLength(1)
    holder.releaseAll()
    await expect(holder.take(growth(11, { upload: 'begins' }))).rejects.toMatchObject({ kind: 'over-quota' })
    expect(holder.take(growth(10, { upload: 'begins' }))).toBe(10)
    expect(counted).toHaveLength(2)
  })

  test('counts again for the next upload where a process has died with uploads, as what they took last may not be stored', async () => {
    const { ledger, holder, counted, stored } = start()
    const others = ledger.holder()
    await holder.take(growth(0, { upload: 'begins' }))
    expect(holder.take(growth(60))).toBe(60)
    await others.take(growth(10, { upload: 'begins', path: '/a/other' }))
    stored['/a'] = { bytes: 30, files: 2 }
    holder.releaseAll()
    expect(others.take(growth(0, { upload: 'begins', path: '/a/third' }))).toBe(0)
    expect(counted).toHaveLength(1)
    for (const path of ['/a/other', '/a/third']) others.change({ path, bytes: 0, files: 0, upload: 'ends' })
    expect(await others.take(growth(70, { upload: 'begins' }))).toBe(70)
    expect(counted).toHaveLength(2)
  })

  test('gives nothing to a process that has died while it was waiting for a directory to be counted', async () => {
    const { ledger, holder, counted, pass } = start()
    const taking = holder.take(growth(60, { files: 1, upload: 'begins' }))
    holder.releaseAll()
    await taking
    const others = ledger.holder()
    expect(await others.usage(limits)).toEqual([{ bytes: 0, files: 0 }])
    pass(301)
    await others.take(growth(0, { upload: 'begins' }))
    expect(counted).toHaveLength(2)
  })

  test('tells what is stored, which is counted for that where it never was', async () => {
    const { holder, counted } = start({ '/a': { bytes: 40, files: 2 } })
    expect(await holder.usage(limits)).toEqual([{ bytes: 40, files: 2 }])
    await holder.take(growth(10, { files: 1 }))
    expect(await holder.usage(limits)).toEqual([{ bytes: 50, files: 3 }])
    expect(counted).toHaveLength(1)
  })

  test('refuses what it can’t count, and tries again', async () => {
    let fails = true
    const ledger = new QuotaLedger({
      usageOf: () => (fails ? Promise.reject(new Error('no')) : Promise.resolve({ bytes: 99, files: 0 })),
    })
    await expect(ledger.take(growth(1))).rejects.toThrow('no')
    fails = false
    expect(await ledger.take(growth(1))).toBe(1)
  })
})
