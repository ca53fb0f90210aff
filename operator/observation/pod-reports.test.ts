import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { probesPort } from '../desired/ports.ts'
import { fetchReport } from './pod-reports.ts'

const never = new AbortController().signal

/** The port is that of all pods: another run of the tests needs another address. */
const newAddress = (): string => `127.26.${randomInt(256)}.${randomInt(1, 255)}`

// A stopped process accepts nothing, and once its backlog is full the kernel drops what comes: as if the node were gone.
const program = `require('node:net').createServer().listen(${probesPort}, process.argv[1], 1, () => console.log('listening'))`

test('a pod that has vanished does not hold up what is decided about the others', async () => {
  const address = newAddress()
  const child = spawn(process.execPath, ['-e', program, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  for (let index = 0; index < 4; index += 1) {
    const socket = connect(probesPort, address)
    socket.on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
  }
  expect(await fetchReport(address, never)).toBeUndefined()
})

test('a pod at whose address nobody listens has no report', async () => {
  expect(await fetchReport(newAddress(), never)).toBeUndefined()
})

test('nor has one that stops in the midst of it', async () => {
  const address = newAddress()
  const server = createServer((_, response) => void response.write('{"hash":'))
  server.listen(probesPort, address)
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  expect(await fetchReport(address, never)).toBeUndefined()
})

test('a report is what the server says', async () => {
  const address = newAddress()
  const server = createServer((request, response) => response.end(request.url === '/status' ? '{"hash":"abc"}' : '{}'))
  server.listen(probesPort, address)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect((await fetchReport(address, never))?.hash).toBe('abc')
})
