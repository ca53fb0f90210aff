import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { callIn } from './deadlines.ts'

beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
})

test('A deadline passes once, after its time', () => {
  const passed = vi.fn<() => void>()
  callIn(1000, passed)
  vi.advanceTimersByTime(999)
  expect(passed).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(passed).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(5000)
  expect(passed).toHaveBeenCalledOnce()
})

test('One that was ended does not pass, and others of the same length do', () => {
  const [first, second] = [vi.fn<() => void>(), vi.fn<() => void>()]
  const deadline = callIn(1000, first)
  vi.advanceTimersByTime(300)
  callIn(1000, second)
  deadline.end()
  vi.advanceTimersByTime(999)
  expect(second).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(first).not.toHaveBeenCalled()
  expect(second).toHaveBeenCalledOnce()
})

test('All of the time begins anew with a renewal, in the order of the others', () => {
  const passed: string[] = []
  const renewed = callIn(1000, () => passed.push('renewed'))
  callIn(1000, () => passed.push('other'))
  vi.advanceTimersByTime(600)
  renewed.renew()
  vi.advanceTimersByTime(400)
  expect(passed).toEqual(['other'])
  vi.advanceTimersByTime(600)
  expect(passed).toEqual(['other', 'renewed'])
})

test('One that has passed or was ended is not renewed', () => {
  const [over, ended] = [vi.fn<() => void>(), vi.fn<() => void>()]
  const [first, second] = [callIn(1000, over), callIn(1000, ended)]
  second.end()
  vi.advanceTimersByTime(1000)
  first.renew()
  second.renew()
  vi.advanceTimersByTime(5000)
  expect(over).toHaveBeenCalledOnce()
  expect(ended).not.toHaveBeenCalled()
})

test('Those of other lengths pass each in its time', () => {
  const [long, short] = [vi.fn<() => void>(), vi.fn<() => void>()]
  callIn(3000, long)
  callIn(1000, short)
  vi.advanceTimersByTime(1000)
  expect(short).toHaveBeenCalledOnce()
  expect(long).not.toHaveBeenCalled()
  vi.advanceTimersByTime(2000)
  expect(long).toHaveBeenCalledOnce()
})

test('What begins as another passes has all of its time', () => {
  const passed = vi.fn<() => void>()
  callIn(1000, () => callIn(1000, passed))
  vi.advanceTimersByTime(1999)
  expect(passed).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(passed).toHaveBeenCalledOnce()
})
