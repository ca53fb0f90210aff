/** Sockets of clients that nobody serves yet, because it first has to come out who they are or whether there is a place. */
import type { Socket } from 'node:net'

export class WaitingSockets {
  readonly #sockets = new Set<Socket>()

  get size(): number {
    return this.#sockets.size
  }

  /** Resolves to what the socket waits for. What goes wrong with it meanwhile destroys it, and nothing more. */
  async hold<Result>(socket: Socket, awaited: Promise<Result>): Promise<Result> {
    socket.on('error', ignore)
    this.#sockets.add(socket)
    try {
      return await awaited
    } finally {
      this.#sockets.delete(socket)
      // Of one that is destroyed the error may still be to come.
      if (!socket.destroyed) socket.off('error', ignore)
    }
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function ignore(): void {}
