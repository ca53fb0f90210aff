import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { expect, it, onTestFinished } from 'vitest'
import * as compiledAtStart from '../server/config/validate.ts'
import { compiledSchemas } from './compiled-schemas.ts'

/** The validation as it is in a bundle. */
async function bundled(): Promise<typeof compiledAtStart> {
  const directory = await mkdtemp(join(tmpdir(), 'compiled-schemas-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const outfile = join(directory, 'validate.mjs')
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, '../server/config/validate.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    metafile: true,
    plugins: [compiledSchemas],
  })
  const inputs = Object.keys(metafile.inputs)
  expect(inputs.filter(input => /node_modules\/ajv\/dist\/(?!runtime)/.test(input))).toEqual([])
  return await import(outfile)
}

it('are in a bundle as code that takes, completes and refuses the same, without the compiler', async () => {
  const { validateServer, validateUser, validateUserList, validateRemovedHomes } = await bundled()
  const servers = [
    {},
    { listeners: [{ name: 'ftp', port: 0 }], passive: { ports: { first: 'x' } } },
    { limits: { maxSessionz: 3, idleTimeoutSeconds: -1 }, tls: { minVersion: 'TLSv1.1' } },
    { bans: { exemptNetworks: ['10.0.0.0/8', 'everywhere'] }, workers: 'some' },
    'text',
  ]
  for (const sample of servers)
    expect(validateServer(structuredClone(sample))).toEqual(compiledAtStart.validateServer(structuredClone(sample)))
  const users = [
    { name: 'anna', passwordHash: 'x' },
    { name: 'an na', home: 'relative', allowedNetworks: ['1.2.3.4/33'] },
    { name: 'anna', passwordFile: 'anna.password', password: 'secret' },
    undefined,
  ]
  for (const sample of users) expect(validateUser(sample)).toEqual(compiledAtStart.validateUser(sample))
  for (const sample of [{ users: [1, 2] }, { users: {} }, {}])
    expect(validateUserList(sample)).toEqual(compiledAtStart.validateUserList(sample))
  for (const sample of [{}, { homes: [] }, [1]])
    expect(validateRemovedHomes(sample)).toEqual(compiledAtStart.validateRemovedHomes(sample))
})
