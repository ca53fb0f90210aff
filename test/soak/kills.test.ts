/** SIGKILL during 100 uploads, many times over, each time at another moment. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { killDuringUploads } from '../support/interrupted-uploads.ts'

const rounds = Number(process.env['SOAK_KILLS'] ?? 20)

test.each(['direct', 'atomic'])(
  `after ${rounds} kills during 100 %s uploads each, every file is whole`,
  { timeout: rounds * 60_000 },
  async mode => {
    const root = await mkdtemp(join(tmpdir(), 'ftp-operator-kills-'))
    onTestFinished(() => rm(root, { recursive: true, force: true }))
    const report = await killDuringUploads({ root, rounds, uploadsAtOnce: 100, server: { uploads: { mode } } })
    console.info(JSON.stringify(report))
    expect(report.cut).toBeGreaterThan(rounds)
    expect(report.resumed).toBeGreaterThan(rounds)
  },
)
