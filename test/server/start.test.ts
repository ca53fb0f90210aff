/** The program as a newcomer starts it: without a configuration, and where a port is taken. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { leaveOut } from '../support/clients/availability.ts'
import { ask, run } from '../support/clients/process.ts'
import { eventually } from '../support/eventually.ts'
import { FtpClient } from '../support/ftp-client.ts'
import { freePort, passiveRange, password, simpleUser } from '../support/server.ts'
import { takePort } from '../support/taken-port.ts'

const program = join(import.meta.dirname, '../../server/main.ts')

type Started = {
  readonly signal: (signal: NodeJS.Signals) => void
  readonly output: () => string
  readonly exited: Promise<number | null>
}

function start(environment: Readonly<Record<string, string>>, ...argv: readonly string[]): Started {
  const child = spawn(process.execPath, [program, 'serve', ...argv], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = once(child, 'close').then(() => child.exitCode)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { signal: signal => void child.kill(signal), output: () => output, exited }
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ftp-operator-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function variablesFor(more: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
  const [port, probesPort] = await Promise.all([freePort('127.0.0.1'), freePort('127.0.0.1')])
  const { first, last } = passiveRange(port, probesPort)
  return {
    FTP_SERVER_ROOT: join(await temporaryDirectory(), 'data'),
    FTP_SERVER_PORT: String(port),
    FTP_SERVER_PROBES_PORT: String(probesPort),
    FTP_SERVER_PASSIVE_PORTS: `${first}-${last}`,
    ...more,
  }
}

test('a taken port ends the start with the address, the port and the variable to change', async () => {
  const { port: taken } = await takePort()
  for (const variable of ['FTP_SERVER_PORT', 'FTP_SERVER_PROBES_PORT']) {
    const { exited, output } = start(await variablesFor({ [variable]: String(taken) }))
    expect(await exited).toBe(1)
    const expected = `environment: ${variable}: must be another port: 127.0.0.1 port ${taken} `
    expect(output()).toContain(expected)
    expect(output()).toContain('EADDRINUSE')
  }
})

test('an address that is not this machine’s ends the start with the variable to change', async () => {
  const { exited, output } = start(await variablesFor({ FTP_SERVER_ADDRESS: '192.0.2.1' }))
  expect(await exited).toBe(1)
  expect(output()).toContain('environment: FTP_SERVER_ADDRESS: must be an address of this machine: 192.0.2.1 port ')
})

test('with a configuration, the error names the file and the key, and all of them at once', async () => {
  const [directory, { port: taken }, { port: alsoTaken }] = await Promise.all([
    temporaryDirectory(),
    takePort(),
    takePort(),
  ])
  const settings = {
    listeners: [{ name: 'ftp', port: taken, addresses: ['127.0.0.1'] }],
    probes: { port: alsoTaken, addresses: ['127.0.0.1'] },
    root: directory,
  }
  await writeFile(join(directory, 'server.yaml'), JSON.stringify(settings))
  const { exited, output } = start({}, '--config', directory)
  expect(await exited).toBe(1)
  expect(output()).toContain(`server.yaml: listeners[0].port: must be another port: 127.0.0.1 port ${taken} `)
  expect(output()).toContain(`server.yaml: probes.port: must be another port: 127.0.0.1 port ${alsoTaken} `)
})

test('a variable that makes no sense is named', async () => {
  const wrong = {
    FTP_SERVER_ADDRESS: 'localhost',
    FTP_SERVER_PORT: 'x',
    FTP_SERVER_PASSIVE_PORTS: '9-',
    FTP_SERVER_PROBES_PORT: '0',
    FTP_SERVER_USER: 'two words',
  }
  const { exited, output } = start(await variablesFor(wrong))
  expect(await exited).toBe(1)
  for (const variable of Object.keys(wrong)) {
    expect(output().split(`environment: ${variable}: must be`)).toHaveLength(2)
  }
})

test('a range of passive ports has one port or two', async () => {
  const { exited, output } = start(await variablesFor({ FTP_SERVER_PASSIVE_PORTS: '30000-30009-30019' }))
  expect(await exited).toBe(1)
  expect(output()).toContain('environment: FTP_SERVER_PASSIVE_PORTS: must be')
})

test('a password file that holds no password, or is not there, ends the start with its variable', async () => {
  const directory = await temporaryDirectory()
  for (const [name, content] of Object.entries({ empty: '', newline: '\n', long: 'x'.repeat(1025) })) {
    const file = join(directory, name)
    await writeFile(file, content)
    const { exited, output } = start(await variablesFor({ FTP_SERVER_PASSWORD_FILE: file }))
    expect(await exited).toBe(1)
    expect(output()).toContain('environment: FTP_SERVER_PASSWORD_FILE: must name a file with a password of 1 to 1024')
  }
  const { exited, output } = start(await variablesFor({ FTP_SERVER_PASSWORD_FILE: join(directory, 'missing') }))
  expect(await exited).toBe(1)
  expect(output()).toContain(
    'environment: FTP_SERVER_PASSWORD_FILE: must name a password file that can be read: ENOENT',
  )
})

test.each(['x'.repeat(1025), 'two\nlines'])(
  'a password that no client could log in with ends the start',
  async given => {
    const { exited, output } = start(await variablesFor({ FTP_SERVER_PASSWORD: given }))
    expect(await exited).toBe(1)
    expect(output()).toContain(
      'environment: FTP_SERVER_PASSWORD: must be a password of 1 to 1024 bytes in one line, or its hash',
    )
  },
)

test.each(['FTP_SERVER_PASSWORD', 'FTP_SERVER_PASSWORD_FILE'])(
  '%s may have a hash, which is no password',
  async name => {
    const file = join(await temporaryDirectory(), 'password')
    const hash = String(simpleUser('user')['passwordHash'])
    await writeFile(file, hash)
    const variables = await variablesFor({ [name]: name === 'FTP_SERVER_PASSWORD' ? hash : file })
    const { output } = start(variables)
    await eventually(() => output().includes('Try it:'), 'the server runs')
    const client = await FtpClient.connect(Number(variables['FTP_SERVER_PORT']))
    onTestFinished(() => client.close())
    for (const [given, code] of [
      [hash, 530],
      [password, 230],
    ] as const) {
      await client.send('USER user')
      expect((await client.send(`PASS ${given}`)).code).toBe(code)
    }
  },
)

test('a root that can’t be made ends the start with its variable', async () => {
  const file = join(await temporaryDirectory(), 'file')
  await writeFile(file, '')
  for (const [root, reason] of [
    [file, 'EEXIST'],
    ['/proc/none/data', 'ENOENT'],
  ] as const) {
    const { exited, output } = start(await variablesFor({ FTP_SERVER_ROOT: root }))
    expect(await exited).toBe(1)
    expect(output()).toContain(`environment: FTP_SERVER_ROOT: must be a directory, or one that can be made: ${reason}`)
  }
})

test('an empty variable is none, that of the configuration too', async () => {
  const { output } = start(await variablesFor({ FTP_SERVER_CONFIG: '', FTP_SERVER_PASSWORD_FILE: '' }))
  await eventually(() => output().includes('Try it:'), 'the server runs')
})

test('a configuration directory that is not there is named', async () => {
  const directory = join(await temporaryDirectory(), 'missing')
  const { exited, output } = start({}, '--config', directory)
  expect(await exited).toBe(1)
  expect(output()).toBe(`configuration directory \`${directory}\`: must be an existing directory\n`)
})

test('serve has a help, and tells it to whom it does not understand', async () => {
  const help = start({}, '--help')
  expect(await help.exited).toBe(0)
  expect(help.output()).toMatch(/^Usage: ftp-server serve \[--config DIR\]/)
  for (const wrong of [['--colour'], ['directory'], ['--config']]) {
    const { exited, output } = start({}, ...wrong)
    expect(await exited).toBe(2)
    expect(output()).toMatch(/^\S.*\n\nUsage: ftp-server serve/)
  }
})

test('the health check of the image asks where the variables say', async () => {
  const check = await healthCheck()
  for (const address of ['127.0.0.1', '127.0.0.2', '0.0.0.0']) {
    const variables = await variablesFor({ FTP_SERVER_ADDRESS: address })
    const health = () => run(process.execPath, ['-e', check], { environment: variables })
    await expect(health()).rejects.toThrow('ended with 1')
    const { output } = start(variables)
    await eventually(() => output().includes('Try it:'), 'the server runs')
    await health()
  }
})

for (const client of ['curl', 'lftp']) {
  if ((await ask(client, ['--version'])) === undefined) {
    leaveOut(`LEFT OUT: the printed command of ${client}, because there is no ${client}`)
    continue
  }
  test(`the printed command of ${client} works as it is`, async () => {
    const variables = await variablesFor()
    const { output } = start(variables)
    await eventually(() => output().includes('Try it:'), 'the server runs')
    await writeFile(join(variables.FTP_SERVER_ROOT ?? '', 'hello.txt'), 'hello')
    const command = output()
      .split('\n')
      .find(line => line.startsWith(`  ${client} `))
    expect((await run('sh', ['-c', String(command)], { input: 'ls\n' })).stdout).toContain('hello.txt')
  })
}

/** What HEALTHCHECK of the Dockerfile has Node run. */
async function healthCheck(): Promise<string> {
  const dockerfile = await readFile(new URL('../../Dockerfile', import.meta.url), 'utf8')
  const command = /^HEALTHCHECK [^\n]*\n +CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]'
  return String((JSON.parse(command) as string[]).at(-1))
}

test('SIGHUP, by which other servers read their files again, ends nothing where there is no terminal', async () => {
  const variables = await variablesFor({ FTP_SERVER_PASSWORD: password })
  const { signal, output, exited } = start(variables)
  await eventually(() => output().includes('Try it:'), 'the server runs')
  const client = await FtpClient.connect(Number(variables['FTP_SERVER_PORT']))
  onTestFinished(() => client.close())
  await client.send('USER user')
  expect((await client.send(`PASS ${password}`)).code).toBe(230)
  signal('SIGHUP')
  // A process takes its signals in order: this one comes to its end, and lets the session say so.
  signal('SIGTERM')
  expect((await client.reply()).code).toBe(421)
  expect(await exited).toBe(0)
})
