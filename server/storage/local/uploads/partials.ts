/** Names of partial uploads: where the bytes of an atomic upload are until it is whole, beside the name that it is for. Pure. */
import { createHash } from 'node:crypto'
import { encodeName } from '../../name.ts'

/** A name that says what it is for, by a hash of the target's name, and whose it is, so that a client finds its upload again after a restart. */
export function partialName(target: string, user: string): string {
  return `${prefix}${targetHash(target)}-${digits(user, userDigits)}`
}

/** Uploads to one name have this in common, whoever they are from. */
export function targetHash(target: string): string {
  return digits(encodeName(target), targetDigits)
}

/** The hash of the target in the name of a partial upload; undefined for any other name. Capitals count as small letters: volumes may take them for the same. */
export function targetOfPartial(name: string): string | undefined {
  return name.startsWith('.') && whole.test(name)
    ? name.slice(prefix.length, prefix.length + targetDigits).toLowerCase()
    : undefined
}

/** Whether a name on the path is that of a partial upload: for clients there are no such names. */
export function leadsToPartial(path: string): boolean {
  return anywhere.test(path)
}

const prefix = '.ftp-upload-'
const targetDigits = 32
const userDigits = 16
const pattern = `\\.ftp-upload-[0-9a-f]{${targetDigits}}-[0-9a-f]{${userDigits}}`
const whole = new RegExp(`^${pattern}$`, 'i')
const anywhere = new RegExp(`/${pattern}(?:/|$)`, 'i')

function digits(content: string | Uint8Array, count: number): string {
  return createHash('sha256').update(content).digest('hex').slice(0, count)
}
