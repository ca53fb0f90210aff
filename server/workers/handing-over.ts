/** Connections on their way to a worker: by their descriptors, for which it needs no socket here, or by the channel. */
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Arrival, BareArrival } from '../arrival.ts'
import { descriptorOf } from '../data/kernel/socket-calls.ts'
import type { FirstBytes } from '../proxy-protocol/first-bytes.ts'
import type { DescriptorSender } from './descriptor-channel.ts'
import { type Handover, HandoverWriter } from './handover.ts'
import type { ToWorker } from './messages.ts'

export type HandingOverOptions = {
  readonly child: ChildProcess
  /** A quicker way than the channel; without it all go by that. */
  readonly descriptors: DescriptorSender | undefined
  /** The session could not be handed over. */
  readonly onFailed: (session: number) => void
}

export class HandingOver {
  readonly #options: HandingOverOptions
  readonly #writer = new HandoverWriter()
  /** Not in the worker's hands yet. */
  readonly #sockets = new Set<Socket>()
  /** Of sockets that went by the channel, by their sessions. Node keeps one open that is not taken when the worker dies. */
  readonly #handles = new Map<number, unknown>()
  /** The same of those that were relayed, of which nobody tells that they were taken. */
  readonly #relayed = new Set<unknown>()

  constructor(options: HandingOverOptions) {
    this.#options = options
  }

  /** The connection is the worker's from now on, whatever becomes of it. */
  give(arrival: Arrival | BareArrival, handover: Handover): void {
    if (this.#giveDescriptor(arrival, handover)) return
    const { session } = handover
    const socket = 'bare' in arrival ? arrival.bare.intoSocket() : arrival.socket
    this.#handles.set(session, Reflect.get(socket, '_handle'))
    this.#send(handover, socket, () => this.#options.onFailed(session))
    this.#options.child.send({ kind: 'session-sent', session } satisfies ToWorker, ignore)
  }

  /** The same for a data connection that another server has relayed. */
  giveRelayed(port: number, { socket, bytes }: FirstBytes, address: string): void {
    for (const handle of this.#relayed) if (!isOpen(handle)) this.#relayed.delete(handle)
    this.#relayed.add(Reflect.get(socket, '_handle'))
    this.#send({ kind: 'relayed', port, address, early: bytes }, socket, ignore)
  }

  /** A session has ended that was given. */
  forget(session: number): void {
    this.#handles.delete(session)
  }

  /** Once the worker is gone. */
  close(): void {
    this.#options.descriptors?.close()
    for (const socket of this.#sockets) socket.destroy()
    for (const handle of [...this.#handles.values(), ...this.#relayed]) closeHandle(handle)
  }

  #giveDescriptor(arrival: Arrival | BareArrival, handover: Handover): boolean {
    const { descriptors } = this.#options
    // More would have to go with it.
    if (handover.proxied !== undefined || descriptors === undefined) return false
    const descriptor = 'bare' in arrival ? arrival.bare.descriptor : descriptorOf(arrival.socket)
    if (descriptor === undefined || !descriptors.send(descriptor, this.#writer.words(handover))) return false
    // The worker has one of its own now.
    if ('bare' in arrival) arrival.bare.close()
    else arrival.socket.destroy()
    return true
  }

  #send(message: ToWorker, socket: Socket, onFailed: () => void): void {
    this.#sockets.add(socket)
    this.#options.child.send(message, socket, error => {
      this.#sockets.delete(socket)
      if (error === null) return
      socket.destroy()
      onFailed()
    })
  }
}

/** Not documented; closing it again does nothing. */
function closeHandle(handle: unknown): void {
  const close: unknown = Reflect.get(Object(handle), 'close')
  if (typeof close === 'function') Reflect.apply(close, handle, [])
}

/** Node closes it as soon as the worker has it. */
function isOpen(handle: unknown): boolean {
  return Number(Reflect.get(Object(handle), 'fd')) >= 0
}

function ignore(): void {}
