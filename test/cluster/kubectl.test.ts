/** What people see who have nothing but kubectl, and what `render` prints for them. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  applyYaml,
  type ClusterAccess,
  connectToCluster,
  createNamespace,
  ftpServer,
  image,
  kubectl,
  type OperatorProcess,
  startOperatorProcess,
} from '../support/cluster/cluster.ts'
import { untilCondition } from '../support/cluster/conditions.ts'
import { podsOf } from '../support/cluster/pods.ts'
import { simpleUser } from '../support/server.ts'

const execute = promisify(execFile)

let access: ClusterAccess
let namespace: Awaited<ReturnType<typeof createNamespace>>
let operator: OperatorProcess
let local: string

const spec = {
  listeners: [{ name: 'ftp', port: 3490 }],
  passive: { firstPort: 22_180, portsPerReplica: 4 },
  users: [simpleUser('alice'), simpleUser('bob')],
  drainSeconds: 1,
}

beforeAll(async () => {
  access = connectToCluster()
  local = await mkdtemp(join(tmpdir(), 'kubectl-'))
  namespace = await createNamespace('kubectl')
  operator = await startOperatorProcess({ namespaces: [namespace.name] })
  await applyYaml(ftpServer(namespace.name, 'shown', spec))
  await untilCondition({ cluster: access.cluster, namespace: namespace.name, name: 'shown' }, ready)
})

afterAll(async () => {
  await operator?.stop()
  await Promise.all([namespace?.dispose(), rm(local, { recursive: true, force: true })])
  await access?.close()
})

const ready = { type: 'Ready', status: 'True' } as const
const inNamespace = (...args: readonly string[]) => kubectl(['-n', namespace.name, ...args])

describe('kubectl', () => {
  test('get ftp answers whether it works, and where', async () => {
    const [head, row] = (await inNamespace('get', 'ftp')).trim().split('\n').map(columns)
    expect(head).toEqual(['NAME', 'READY', 'ADDRESS', 'REPLICAS', 'USERS', 'TLS', 'AGE'])
    expect(row?.slice(0, -1)).toEqual(['shown', 'True', expect.stringMatching(/^[\d.]+$/), '1', '2', 'SelfSigned'])
    const wide = await inNamespace('get', 'ftp', '-o', 'wide')
    for (const text of ['EXPIRES', 'PASSIVE', 'STATUS', '22180-22183', '1 of 1 replicas ready']) {
      expect(wide).toContain(text)
    }
  })

  test.each(['ftpserver', 'ftpservers', 'ftp', 'ftp-operator'])('get finds it as %s', async word => {
    expect(await inNamespace('get', word, '-o', 'name')).toContain('ftpserver.ftp-operator.io/shown')
  })

  test.each([
    '',
    '.listeners.tls',
    '.passive',
    '.service.externalTrafficPolicy',
    '.users.passwordSecretRef',
    '.storage',
  ])('explain ftp.spec%s tells what every field means', async path => {
    const text = await kubectl(['explain', `ftp.spec${path}`])
    expect(text).toMatch(/^DESCRIPTION:\n {4}\S/m)
    expect(text).not.toContain('<empty>')
    const fields = text.split(/^FIELDS:\n/m)[1]?.split(/\n(?= {2}\S+\t)/) ?? []
    for (const field of fields) expect(field, 'a field and what it means').toMatch(/\n {4}\S/)
  })

  test('scale ftp changes the replicas', async () => {
    expect(await inNamespace('scale', 'ftp/shown', '--replicas=0')).toContain('scaled')
    await untilCondition({ ...place(), name: 'shown' }, { type: 'Ready', status: 'False', reason: /^NoReplicas$/ })
    await inNamespace('scale', 'ftp/shown', '--replicas=1')
    await untilCondition(place(), ready)
  })

  test('describe ftp ends with what happened', async () => {
    expect(await inNamespace('describe', 'ftp', 'shown')).toMatch(/Events:\n[^]*AllReplicasReady/)
  })
})

describe('a server’s pod', () => {
  test('is not root, can’t write but to its files, and holds no token', async () => {
    const pod = (await podsOf(namespace.name, 'shown')).find(({ terminating }) => !terminating)
    const look = `
      const text = name => fs.readFileSync('/proc/self/status', 'utf8').match(new RegExp(name + ':\\\\s*(.*)'))[1]
      const writes = path => { try { fs.writeFileSync(path + '/probe', ''); return true } catch { return false } }
      console.log(JSON.stringify({
        user: process.getuid(), group: process.getgid(), capabilities: text('CapEff'), newPrivileges: text('NoNewPrivs'),
        seccomp: text('Seccomp'), writable: ['/', '/app', '/etc', '/tmp', '/etc/ftp-server/server', '/data'].filter(writes),
        token: fs.existsSync('/var/run/secrets/kubernetes.io'),
      }))`
    const seen = await inNamespace('exec', pod?.name ?? '', '--', '/usr/local/bin/node', '-e', look)
    expect(JSON.parse(seen)).toEqual({
      user: 65_532,
      group: 65_532,
      capabilities: '0000000000000000',
      newPrivileges: '1',
      seccomp: '2',
      writable: ['/data'],
      token: false,
    })
    const account = await inNamespace(
      'get',
      'serviceaccount',
      'shown',
      '-o',
      'jsonpath={.automountServiceAccountToken}',
    )
    expect(account).toBe('false')
  })
})

describe('render', () => {
  const variables = { FTP_OPERATOR_SERVER_IMAGE: image }

  test.each([
    ['a file', (file: string) => `node operator/main.ts render -f ${file}`],
    ['standard input', (file: string) => `node operator/main.ts render -f - < ${file}`],
  ])('prints of %s what the API server takes, and the operator applies', async (_, command) => {
    const file = join(local, 'ftpserver.json')
    await writeFile(file, JSON.stringify(ftpServer(namespace.name, 'shown', spec)))
    const { stdout } = await execute('sh', ['-c', command(file)], { env: { ...process.env, ...variables } })
    expect(stdout).toContain(`image: ${image}`)
    const named = await kubectl(['apply', '--dry-run=server', '-o', 'name', '-f', '-'], stdout)
    const kinds = ['serviceaccount', 'networkpolicy', 'secret', 'configmap', 'service', 'deployment']
    for (const kind of kinds) expect(named).toMatch(new RegExp(`^${kind}[./]\\S*shown`, 'm'))
    // Nothing that is printed would be another object than what the operator has made.
    const live = await kubectl(['-n', namespace.name, 'get', '-o', 'name', ...named.trim().split('\n')])
    expect(live.trim().split('\n')).toEqual(named.trim().split('\n'))
  })

  test('refuses what is no FtpServer, and names the field', async () => {
    const file = join(local, 'wrong.json')
    await writeFile(file, JSON.stringify(ftpServer(namespace.name, 'shown', { ...spec, replica: 1 })))
    const refused = execute('node', ['operator/main.ts', 'render', '-f', file])
    await expect(refused).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('spec.replica ') })
  })
})

function place() {
  return { cluster: access.cluster, namespace: namespace.name, name: 'shown' }
}

function columns(line: string): string[] {
  return line.trim().split(/\s{2,}|\s+(?=\S+$)/)
}
