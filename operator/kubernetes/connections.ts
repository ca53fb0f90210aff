/** The pool of connections to the API server: one for everything, replaced only when certificates change. */
import { Agent, type Dispatcher, ProxyAgent } from 'undici'
import type { Access } from './credentials.ts'

export interface Connections {
  dispatcher(access: Access): Dispatcher
  /** Cuts what is still running. */
  close(): Promise<void>
}

export function createConnections(): Connections {
  const retired = new Set<Dispatcher>()
  let current: { dispatcher: Dispatcher; identity: string } | undefined
  return {
    dispatcher(access) {
      const identity = JSON.stringify([access.proxyUrl, access.tls])
      if (current?.identity === identity) return current.dispatcher
      if (current !== undefined) retire(current.dispatcher, retired)
      current = { dispatcher: createDispatcher(access), identity }
      return current.dispatcher
    },
    async close() {
      const all = [...retired, ...(current === undefined ? [] : [current.dispatcher])]
      current = undefined
      await Promise.all(all.map(dispatcher => dispatcher.destroy()))
    },
  }
}

/** Lets running requests end; watches end within minutes. */
function retire(dispatcher: Dispatcher, retired: Set<Dispatcher>): void {
  retired.add(dispatcher)
  dispatcher
    .close()
    .catch(() => dispatcher.destroy())
    .catch(() => undefined)
    .finally(() => retired.delete(dispatcher))
}

function createDispatcher({ proxyUrl, tls }: Access): Dispatcher {
  const requestTls = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
  if (proxyUrl === undefined) return new Agent({ ...limits, connect: { ...requestTls, ...connecting } })
  if (!/^https?:/.test(proxyUrl)) throw new Error(`only http and https proxies are supported, not ${proxyUrl}`)
  return new ProxyAgent({ ...limits, uri: proxyUrl, requestTls: { ...requestTls, ...connecting }, connect: connecting })
}

const connecting = {
  timeout: 10_000,
  keepAlive: true,
  // As client-go does: below the idle limits of cloud load balancers.
  keepAliveInitialDelay: 30_000,
}

const limits = {
  // A watch occupies a connection; a dead one must cost one watch, not all of them as a shared HTTP/2 connection would.
  allowH2: false,
  connections: 64,
  pipelining: 1,
  keepAliveTimeout: 30_000,
  // The transport has its own timers, which know what is a watch.
  headersTimeout: 0,
  bodyTimeout: 0,
}
