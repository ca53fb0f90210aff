import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { namesBelow } from './symlinks.ts'

describe('namesBelow', () => {
  it.each([
    ['/srv/shared', '/srv/shared', []],
    ['/srv/shared', '/srv/shared/', []],
    ['/srv/shared/', '/srv/shared/a//b/./c', ['a', 'b', 'c']],
    ['/srv/shared', '/srv/shared/../etc', ['..', 'etc']],
    ['/', '/etc/passwd', ['etc', 'passwd']],
    ['', '/etc', ['etc']],
    ['/srv/shared', '/srv/shared-not/a', undefined],
    ['/srv/shared', '/srv', undefined],
    ['/srv/shared', '/other/srv/shared', undefined],
    ['/srv/shared', 'srv/shared', undefined],
  ])('of %j and %j is %j', (root, path, names) => {
    expect(namesBelow(root, path)).toEqual(names)
  })

  it('takes off exactly the root', () => {
    const name = fc.stringMatching(/^[a-z-]{1,3}$/)
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.array(name, { maxLength: 4 }), (root, below) => {
        expect(namesBelow(`/${root.join('/')}`, `/${[...root, ...below].join('/')}`)).toEqual(below)
        expect(namesBelow(`/${root.join('/')}`, `/${root.join('/')}x/${below.join('/')}`)).toBeUndefined()
      }),
    )
  })
})
