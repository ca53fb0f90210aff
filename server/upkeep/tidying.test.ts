import { describe, expect, it, onTestFinished } from 'vitest'
import { Tidying } from './tidying.ts'

/** A process of which so many bytes are garbage. */
function processWith(used: number, garbage: number) {
  const state = { used, garbage, busy: 0, collections: 0, trims: 0, releases: 0 }
  const tidying = new Tidying({
    used: () => state.used + state.garbage,
    busy: () => state.busy,
    collect: () => {
      state.collections += 1
      state.garbage = 0
    },
    trim: () => {
      state.trims += 1
    },
    release: () => {
      state.releases += 1
    },
  })
  onTestFinished(() => tidying.close())
  return { state, look: () => tidying.look() }
}

describe('a process that comes to rest', () => {
  it('gives back what its work has left, once', () => {
    const { state, look } = processWith(10e6, 5e6)
    look()
    look()
    expect(state).toMatchObject({ collections: 1, trims: 1, releases: 1 })
    state.garbage = 1e6
    look()
    expect(state).toMatchObject({ collections: 1, trims: 1, releases: 1 })
    state.garbage = 3e6
    look()
    expect(state).toMatchObject({ collections: 2, trims: 2, releases: 2 })
  })

  it('waits for the end of the work, and gives back what is free after it', () => {
    const { state, look } = processWith(10e6, 5e6)
    state.busy = 0.2
    look()
    expect(state).toMatchObject({ collections: 0, trims: 0, releases: 0 })
    state.busy = 0
    look()
    expect(state).toMatchObject({ collections: 1, trims: 1, releases: 1 })
    state.busy = 0.2
    look()
    state.busy = 0
    look()
    expect(state).toMatchObject({ collections: 1, trims: 2, releases: 2 })
  })

  it('holds nobody up for long where there is much to look through', () => {
    const { state, look } = processWith(100e6, 50e6)
    look()
    expect(state).toMatchObject({ collections: 0, trims: 1, releases: 1 })
  })
})
