/** What builders make: an object that names itself and its kind. */
import type { Manifest } from '../kubernetes/object.ts'

export type Built<Fields extends object = object> = Manifest & Omit<Fields, keyof Manifest>
