import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { renderCommand } from './render-command.ts'

const server = `
apiVersion: ftp-operator.io/v1alpha1
kind: FtpServer
metadata: { name: uploads }
spec:
  storage: { claim: { size: 10Gi } }
  service: { labels: { public: 'yes' } }
  usersFrom: [{ secretRef: { name: team } }]
`
const team = `
apiVersion: v1
kind: Secret
metadata: { name: team }
stringData: { users.yaml: 'users: []' }
`

async function render(text: string, argv: readonly string[] = ['-f', '-']) {
  let output = ''
  let error = ''
  const code = await renderCommand({
    argv,
    input: (async function* () {
      yield text
    })(),
    output: { write: part => (output += part) },
    error: { write: part => (error += part) },
    operator: {
      defaultImage: 'example.com/server:1',
      namespace: undefined,
      clusterDomain: 'cluster.local',
      clusterNetworks: [],
    },
    now: 0,
  })
  return { code, output, error, objects: parseAllDocuments(output).map(each => each.toJS()) }
}

test('prints what would be applied, without owners that only the cluster knows', async () => {
  const { code, objects, error } = await render(`${server}\n---\n${team}`, ['-f', '-', '--namespace', 'media'])
  expect(code).toBe(0)
  expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
    'ServiceAccount media/uploads',
    'NetworkPolicy media/uploads',
    'PersistentVolumeClaim media/uploads-data',
    'Secret media/uploads-users-0',
    'ConfigMap media/uploads-config',
    'Service media/uploads',
    'Deployment media/uploads-0',
  ])
  expect(objects.filter(({ metadata }) => 'ownerReferences' in metadata)).toEqual([])
  expect(error).toBe('uploads: Secret uploads-tls with a self-signed certificate is made in the cluster\n')
})

test('words that kubectl would take for a boolean are in quotes', async () => {
  expect((await render(server)).output).toContain('public: "yes"')
})

test('a Secret that is not in the file is told, and the rest is printed', async () => {
  const { code, error, objects } = await render(server)
  expect(code).toBe(0)
  expect(error).toContain('Secret team of spec.usersFrom does not exist')
  expect(objects.length).toBeGreaterThan(0)
})

test.each([
  ['a field that there is not', server.replace('usersFrom', 'userFrom'), 'spec.userFrom is not a known field'],
  ['no FtpServer', team, 'has no FtpServer'],
  ['no YAML', 'a: [', 'line 1, column 5: is no YAML (bad indent)'],
])('%s is an error with its reason, and nothing is printed', async (_, text, message) => {
  const { code, output, error } = await render(text)
  expect({ code, output }).toEqual({ code: 1, output: '' })
  expect(error).toContain(message)
})

test.each([[[]], [['--wrong']], [['-f']]])('arguments %j are answered with how to use it', async argv => {
  const { code, error } = await render(server, argv)
  expect(code).toBe(2)
  expect(error).toContain('Usage:')
})

test('a file that is not there is an error', async () => {
  expect(await render('', ['-f', '/does/not/exist.yaml'])).toMatchObject({
    code: 1,
    error: expect.stringContaining('ENOENT'),
  })
})

const users = `
apiVersion: ftp-operator.io/v1alpha1
kind: FtpUser
metadata: { name: alice, namespace: media }
spec: { serverRefs: [{ name: uploads }], passwordSecretRef: { name: alice } }
---
apiVersion: v1
kind: Secret
metadata: { name: alice, namespace: media }
stringData: { password: horse }
---
apiVersion: ftp-operator.io/v1alpha1
kind: FtpUser
metadata: { name: bob, namespace: elsewhere }
spec: { serverRefs: [{ name: uploads, namespace: media }], generatedPassword: {} }
---
apiVersion: ftp-operator.io/v1alpha1
kind: FtpUser
metadata: { name: carol, namespace: media }
spec: { serverRefs: [{ name: uploads }], generatedPassword: {} }
`

test('FtpUsers are among the users of the servers that they name, and those who are not taken are told', async () => {
  const { objects, error } = await render(`${server}\n---\n${team}\n---\n${users}`, ['-f', '-', '-n', 'media'])
  const secret = objects.find(({ kind }) => kind === 'Secret')
  const texts = Object.entries<string>(secret.data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()])
  const lists = texts.filter(([key]) => key?.endsWith('.json')).map(([, text]) => JSON.parse(text ?? '') as unknown)
  expect(lists).toEqual([{ users: [{ name: 'alice', passwordFile: '00-resources.alice.password' }] }])
  expect(Object.fromEntries(texts)).toMatchObject({ '00-resources.alice.password': 'horse' })
  expect(error).toContain('uploads: FtpUser elsewhere/bob is not taken: spec.allowedUsers')
  expect(error).toContain('uploads: FtpUser media/carol gets a password in the cluster')
})

test('an FtpUser with a field that is none is refused', async () => {
  const { code, error } = await render(`${server}\n---\n${users.replaceAll('serverRefs', 'servers')}`)
  expect(code).toBe(1)
  expect(error).toContain('spec.servers is not a known field')
})
