import { expect, test } from 'vitest'
import { createConnections } from './connections.ts'

const access = (tls: { readonly ca?: string; readonly cert?: string }, token = 'a') => ({
  server: new URL('https://192.0.2.1'),
  headers: { authorization: `Bearer ${token}` },
  tls,
})

test('connections are kept while certificates are the same, and replaced when they change', async () => {
  const connections = createConnections()
  const first = connections.dispatcher(access({ ca: '1' }))
  expect(connections.dispatcher(access({ ca: '1' }, 'another token'))).toBe(first)
  const second = connections.dispatcher(access({ ca: '2' }))
  expect(second).not.toBe(first)
  expect(connections.dispatcher(access({ ca: '2', cert: 'x' }))).not.toBe(second)
  await connections.close()
})

test('a proxy that is no HTTP proxy is refused with a reason', () => {
  const connections = createConnections()
  expect(() => connections.dispatcher({ ...access({}), proxyUrl: 'socks5://192.0.2.9' })).toThrow(
    'only http and https proxies are supported, not socks5://192.0.2.9',
  )
})
