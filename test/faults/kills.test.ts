/** A server that is killed in the midst of uploads: clients go on where the files end, and no half or stray file stays. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { killDuringUploads } from '../support/interrupted-uploads.ts'

async function temporaryRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ftp-operator-kills-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  return root
}

test.each(['direct', 'atomic'])(
  '100 %s uploads go on after SIGKILL, with APPE and REST, and every file is whole',
  async mode => {
    const root = await temporaryRoot()
    const report = await killDuringUploads({ root, rounds: 2, uploadsAtOnce: 50, server: { uploads: { mode } } })
    expect(report.uploads).toBe(100)
    // Otherwise nothing was tried.
    expect(report.cut).toBeGreaterThan(5)
    expect(report.resumed).toBeGreaterThan(5)
  },
)
