/** `server.yaml` as a volume of its own: Kubernetes can mount a directory, but not one inside another. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfiguration } from '../../server/config/load.ts'
import { KubeletVolume } from '../support/kubelet-volume.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'configuration-server-volume-'))
  await mkdir(join(directory, 'server'))
  await new KubeletVolume(join(directory, 'server')).write({ 'server.yaml': 'banner: from the volume' })
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test('server.yaml is found in the directory server/, and has the same hash as beside it', async () => {
  const mounted = await loadConfiguration(directory, undefined)
  expect(mounted.problems).toEqual([])
  expect(mounted.configuration?.server.banner).toBe('from the volume')

  await writeFile(join(directory, 'server.yaml'), 'banner: from the volume')
  await rm(join(directory, 'server'), { recursive: true })
  const plain = await loadConfiguration(directory, undefined)
  expect(plain.configuration?.hash).toBe(mounted.configuration?.hash)
})

test('server.yaml in the directory itself wins over the one in server/', async () => {
  await writeFile(join(directory, 'server.yaml'), 'banner: from the directory')
  expect((await loadConfiguration(directory, undefined)).configuration?.server.banner).toBe('from the directory')
})
