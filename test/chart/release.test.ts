/** The life of a release of the operator's chart at a real API server that has never seen it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createReader } from '../../operator/api/read.ts'
import { type Release, release } from '../support/cluster/release.ts'
import { type ApiServer, clusterTest, kubebuilderAssets, startApiServer } from '../support/control-plane/api-server.ts'
import { eventually } from '../support/eventually.ts'
import { readmeObjects } from '../support/readme.ts'
import { apply, read } from './dry-run.ts'
import { helm, helmTest, type RenderedObject } from './helm.ts'

const hasApiServer = kubebuilderAssets.directory !== undefined
const releaseTest = hasApiServer ? helmTest : clusterTest
const namespace = 'ftp-operator'
const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ftpservers.ftp-operator.io'
const example = '/apis/ftp-operator.io/v1alpha1/namespaces/default/ftpservers/uploads'
const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/ftp-operator`

let server: ApiServer
let chart: Release

beforeAll(async () => {
  if (!hasApiServer) return
  server = await startApiServer()
  for (const metadata of [{ name: namespace }, { name: 'default' }])
    await apply(server, { apiVersion: 'v1', kind: 'Namespace', metadata }, 'for-real')
  chart = release({ name: 'ftp-operator', namespace, kubeconfig: server.kubeconfig, program: helm })
}, 90_000)
afterAll(async () => {
  await server?.stop()
}, 30_000)

const status = async (path: string) => (await read(server, path)).status

test('the example of the README has fields of the schema', async () => {
  const objects = (await readmeObjects()) as RenderedObject[]
  expect(objects.map(({ kind }) => kind)).toEqual(['FtpServer', 'Secret', 'ConfigMap'])
  expect(createReader()(objects[0])).toMatchObject({ valid: true })
})

releaseTest('an empty cluster takes the chart, and then the example of the README', async () => {
  expect(await status(definition)).toBe(404)
  await chart.install({})
  await eventually(
    async () => (await status(example)) === 404 && (await isEstablished()),
    'the definition is established',
    20_000,
  )
  for (const object of (await readmeObjects()) as RenderedObject[])
    expect(await apply(server, object, 'for-real')).toMatchObject({ status: 201 })
  expect(await status(example)).toBe(200)
})

releaseTest('an upgrade changes what the values change, and leaves servers as they are', async () => {
  const before = await read(server, example)
  await chart.upgrade({ logLevel: 'debug' })
  expect(JSON.stringify((await read(server, deployment)).body)).toContain('--log-level=debug')
  expect(await read(server, example)).toEqual(before)
})

releaseTest('the definition and the servers stay when the release is uninstalled', async () => {
  await chart.uninstall()
  expect(await status(deployment)).toBe(404)
  expect(await status(definition)).toBe(200)
  expect(await status(example)).toBe(200)
})

releaseTest('an install takes them up again, and they go with it where the values say so', async () => {
  await chart.install({ crds: { keep: false } })
  expect(await status(example)).toBe(200)
  await chart.uninstall()
  await eventually(async () => (await status(definition)) === 404, 'the definition is gone', 30_000)
  expect(await status(example)).toBe(404)
})

async function isEstablished(): Promise<boolean> {
  return JSON.stringify((await read(server, definition)).body).includes('"type":"Established"')
}
