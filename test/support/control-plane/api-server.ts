/** A real kube-apiserver with its etcd, for tests: the convention of envtest, in a directory and on ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import type { Credentials } from '../../../operator/kubernetes/credentials.ts'
import { eventually } from '../eventually.ts'

export type ApiServer = {
  readonly url: string
  /** Bearer token of a member of system:masters. */
  readonly token: string
  /** Certificate that the server's own is verified by, as PEM. */
  readonly ca: string
  readonly credentials: Credentials
  /** Path of a kubeconfig for the administrator. */
  readonly kubeconfig: string
  /** SIGSTOP and SIGCONT: connections stay open and silent. */
  pause(): void
  resume(): void
  /** Ends the API server, lets etcd forget old revisions, and starts it on the same port: old watches get 410. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Directory with `etcd` and `kube-apiserver`; undefined if there is none, for the reason that is with it. */
export const kubebuilderAssets = findAssets()

/** `test`, or a loud note that it did not run and why. */
export const clusterTest = kubebuilderAssets.directory === undefined ? skipLoudly(kubebuilderAssets.why) : test

/** No controllers run there: nothing is garbage-collected, no Deployment makes pods, no Service gets endpoints. */
export async function startApiServer(): Promise<ApiServer> {
  const { directory: assets } = kubebuilderAssets
  if (assets === undefined) throw new Error(kubebuilderAssets.why)
  const directory = await mkdtemp(join(tmpdir(), 'api-server-'))
  const children = new Set<ChildProcess>()
  const killAll = () => children.forEach(child => void child.kill('SIGKILL'))
  process.once('exit', killAll)
  const file = (name: string) => join(directory, name)
  const start = (name: string, parameters: readonly string[]) => startProcess(join(assets, name), parameters, children)

  const [clientPort, peerPort, port] = await freePorts(3)
  const etcdUrl = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const token = randomBytes(16).toString('hex')
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  await writeFile(file('sa.key'), privateKey)
  await writeFile(file('sa.pub'), publicKey)
  await writeFile(file('tokens.csv'), `${token},admin,admin,system:masters\n`)

  start('etcd', [
    `--data-dir=${file('etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
  ])
  const startServer = () =>
    start('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${file('certificates')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=198.19.0.0/20',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      // Nothing makes the service accounts that this one demands of pods.
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
    ])
  let server = startServer()
  const url = `https://127.0.0.1:${port}`

  const untilReady = async () => {
    await eventually(
      async () => {
        if (server.exitCode !== null) throw new Error(`kube-apiserver ended: ${outputOf(server)}`)
        const ca = await readFile(join(file('certificates'), 'apiserver.crt'), 'utf8')
        return (await getStatus(`${url}/readyz`, token, ca)) === 200
      },
      'kube-apiserver is ready',
      readyMilliseconds,
    )
  }
  const stop = async () => {
    killAll()
    await Promise.all([...children].map(exited))
    process.off('exit', killAll)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await untilReady()
  } catch (error) {
    await stop()
    throw error
  }

  const ca = await readFile(join(file('certificates'), 'apiserver.crt'), 'utf8')
  await writeFile(file('kubeconfig'), kubeconfigOf(url, ca, token))
  return {
    url,
    token,
    ca,
    credentials: {
      access: async () => ({ server: new URL(url), headers: { authorization: `Bearer ${token}` }, tls: { ca } }),
    },
    kubeconfig: file('kubeconfig'),
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    async restart() {
      server.kill('SIGKILL')
      await exited(server)
      await compact(etcdUrl)
      server = startServer()
      await untilReady()
    },
    stop,
  }
}

const readyMilliseconds = 60_000

function findAssets(): { readonly directory: string | undefined; readonly why: string } {
  const directory = process.env['KUBEBUILDER_ASSETS']
  if (directory === undefined || directory === '') return { directory: undefined, why: 'KUBEBUILDER_ASSETS is not set' }
  const missing = ['etcd', 'kube-apiserver'].filter(name => !existsSync(join(directory, name)))
  if (missing.length === 0) return { directory, why: '' }
  return { directory: undefined, why: `KUBEBUILDER_ASSETS (${directory}) has no ${missing.join(' and no ')}` }
}

function skipLoudly(why: string) {
  return (name: string, _body: () => Promise<void>, _milliseconds?: number) =>
    test(`${name} [NOT RUN: ${why}]`, ({ skip }) => {
      console.warn(`NOT RUN, because ${why}: ${name}`)
      skip(why)
    })
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      const { promise, resolve } = Promise.withResolvers<void>()
      server.listen(0, '127.0.0.1', resolve)
      await promise
      return server
    }),
  )
  return Promise.all(
    servers.map(async server => {
      const address = server.address()
      const { promise, resolve } = Promise.withResolvers<void>()
      server.close(() => resolve())
      await promise
      return typeof address === 'object' && address !== null ? address.port : 0
    }),
  )
}

const outputs = new WeakMap<ChildProcess, string[]>()

function startProcess(path: string, parameters: readonly string[], children: Set<ChildProcess>): ChildProcess {
  const child = spawn(path, parameters, { stdio: ['ignore', 'ignore', 'pipe'] })
  const output: string[] = []
  outputs.set(child, output)
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.push(text)
    if (output.length > 20) output.shift()
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

function outputOf(child: ChildProcess): string {
  return (outputs.get(child) ?? []).join('').slice(-2000)
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('exit', () => resolve())
  await promise
}

async function getStatus(url: string, token: string, ca: string): Promise<number> {
  const { get } = await import('node:https')
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  get(url, { ca, headers: { authorization: `Bearer ${token}` }, agent: false, timeout: 5000 }, response => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
    .on('error', reject)
    .on('timeout', () => reject(new Error('no answer in 5 s')))
  return promise
}

/** Forgets all revisions but the newest, by etcd's JSON gateway. */
async function compact(etcdUrl: string): Promise<void> {
  const post = async (path: string, body: unknown) =>
    (await fetch(`${etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) })).json()
  const status = (await post('/v3/maintenance/status', {})) as { header: { revision: string } }
  await post('/v3/kv/compaction', { revision: status.header.revision, physical: true })
}

function kubeconfigOf(server: string, ca: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'admin', user: { token } }],
  })
}
