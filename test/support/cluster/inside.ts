/** A client in a pod of the cluster, made of what is in the image of the server. */
import { randomBytes } from 'node:crypto'
import { applyYaml, image, kubectl } from './cluster.ts'

/** What a client sees who logs in, asks for a passive port, uploads a file and takes it back. */
export type Visit = {
  /** Address of PASV. */
  readonly told: string
  /** Of the client’s own end of the connection. */
  readonly own: string
  readonly same: boolean
}

/** Resolves to what the pod has seen; rejects with its log if it fails. */
export async function visitFromInside(namespace: string, host: string, port: number): Promise<Visit> {
  return JSON.parse(await runInside({ namespace, labels: {} }, script, [host, String(port)])) as Visit
}

export type Place = { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

/** Which of the ports a pod gets a connection to, where a pod of these labels is. */
export async function openFromInside(place: Place, host: string, ports: readonly number[]): Promise<readonly number[]> {
  return JSON.parse(await runInside(place, knocking, [host, ...ports.map(String)])) as number[]
}

/** The same from a pod that is there. */
export async function openFromPod(
  { namespace, pod }: { readonly namespace: string; readonly pod: string },
  host: string,
  ports: readonly number[],
): Promise<readonly number[]> {
  const command = [node, ...flags, knocking, host, ...ports.map(String)]
  return JSON.parse(await kubectl(['-n', namespace, 'exec', pod, '--', ...command])) as number[]
}

const node = '/usr/local/bin/node'
const flags = ['--input-type=module', '-e']

/** Resolves to what the program has written; rejects with that if it fails. */
async function runInside({ namespace, labels }: Place, program: string, options: readonly string[]): Promise<string> {
  const name = `client-${randomBytes(3).toString('hex')}`
  await applyYaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'client',
          image,
          command: [node, ...flags, program, ...options],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  })
  const phase = `--for=jsonpath={.status.phase}=Succeeded`
  const pod = ['-n', namespace]
  try {
    await kubectl([...pod, 'wait', phase, `pod/${name}`, '--timeout=40s'])
  } catch (cause) {
    throw new Error(await kubectl([...pod, 'logs', name]), { cause })
  }
  return kubectl([...pod, 'logs', name])
}

const knocking = `
import { connect } from 'node:net'
const [host, ...ports] = process.argv.slice(1)
const isOpen = port => new Promise(resolve => {
  const socket = connect({ host, port })
  const end = open => { clearTimeout(timer); socket.destroy(); resolve(open) }
  const timer = setTimeout(end, 8000, false)
  socket.on('connect', () => end(true))
  socket.on('error', () => end(false))
})
const open = await Promise.all(ports.map(async port => await isOpen(Number(port)) ? [Number(port)] : []))
console.log(JSON.stringify(open.flat()))
process.exit(0)
`

const script = `
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
const [host, port] = process.argv.slice(1)
setTimeout(() => { console.log('too late'); process.exit(1) }, 30_000).unref()
const control = connect(Number(port), host)
const lines = createInterface({ input: control })[Symbol.asyncIterator]()
const reply = async code => {
  const { value } = await lines.next()
  if (!value?.startsWith(code)) { console.log('instead of', code, value); process.exit(1) }
  return value
}
const send = (line, code) => { control.write(line + '\\r\\n'); return reply(code) }
const passive = async () => {
  const numbers = (await send('PASV', '227')).match(/\\d+/g).slice(1)
  const told = numbers.slice(0, 4).join('.')
  return { told, data: connect(Number(numbers[4]) * 256 + Number(numbers[5]), told) }
}
await reply('220')
await send('USER alice', '331')
await send('PASS correct horse', '230')
await send('TYPE I', '200')
const content = 'of a client in a pod\\n'.repeat(5000)
const up = await passive()
await send('STOR visit', '150')
up.data.end(content)
await reply('226')
const down = await passive()
await send('RETR visit', '150')
let back = ''
for await (const chunk of down.data) back += chunk
await reply('226')
console.log(JSON.stringify({ told: down.told, own: control.localAddress, same: back === content }))
process.exit(0)
`
