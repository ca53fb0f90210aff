/** Options of vsftpd.conf, and what they say of what users may do. */
import type { Permission } from '../config/schema/permissions.ts'
import { bandwidthOf, type Draft, dropped, type Loss, type Mistake, type Place, wider } from './draft.ts'
import { meaningfulLines, type SourceFile } from './lines.ts'

export type Options = ReadonlyMap<string, { readonly value: string; readonly place: Place }>

/** Each line is `option=value`, without spaces around the `=`; of a repeated one the last counts. */
export function readOptions(file: SourceFile): { readonly options: Options; readonly mistakes: readonly Mistake[] } {
  const options = new Map<string, { readonly value: string; readonly place: Place }>()
  const mistakes: Mistake[] = []
  for (const { place, text } of meaningfulLines(file)) {
    const [, name, value = ''] = /^([a-z_]+)=(.*)$/.exec(text) ?? []
    if (name === undefined) mistakes.push({ place, message: 'must be `option=value`, without spaces around the `=`' })
    else if (Object.hasOwn(defaults, name) && booleanOf(value) === undefined) {
      mistakes.push({ place, message: `${name} must be YES or NO` })
    } else if (numbers.has(name) && !/^\d{1,15}$/.test(value)) {
      mistakes.push({ place, message: `${name} must be a whole number` })
    } else options.set(name, { value, place })
  }
  return { options, mistakes }
}

/** Whether a YES or NO option is on. */
export function isOn(options: Options, name: keyof typeof defaults): boolean {
  return booleanOf(options.get(name)?.value ?? '') ?? defaults[name]
}

export type Standing = 'local' | 'guest'

/** What of the options holds for one user, their own in front of those of the server. */
export function meaningOf(
  options: Options,
  standing: Standing,
): Pick<Draft, 'rights' | 'limits' | 'bandwidth' | 'names' | 'tls' | 'losses'> {
  const idle = Number(options.get('idle_session_timeout')?.value ?? 0)
  const rate = Number(options.get(isLocal(options, standing) ? 'local_max_rate' : 'anon_max_rate')?.value ?? 0)
  const bandwidth = bandwidthOf(rate, rate)
  const [hide, deny] = [patternsOf(options, 'hide_file'), patternsOf(options, 'deny_file')]
  const secured = isOn(options, 'ssl_enable') && isOn(options, 'force_local_logins_ssl')
  return {
    rights: { kind: 'permissions', permissions: permissionsOf(options, standing) },
    ...(idle > 0 && { limits: { idleTimeoutSeconds: Math.min(idle, 86_400) } }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...((hide ?? deny) !== undefined && { names: { hide: [...(hide ?? [])], deny: [...(deny ?? [])] } }),
    ...(secured && { tls: 'required' }),
    losses: lossesOf(options, standing),
  }
}

/** The defaults of vsftpd.conf(5) of the YES or NO options that are looked at. */
const defaults = {
  write_enable: false,
  anon_upload_enable: false,
  anon_mkdir_write_enable: false,
  anon_other_write_enable: false,
  anon_world_readable_only: true,
  chmod_enable: true,
  mdtm_write: true,
  download_enable: true,
  dirlist_enable: true,
  guest_enable: false,
  virtual_use_local_privs: false,
  userlist_enable: false,
  userlist_deny: true,
  ssl_enable: false,
  force_local_logins_ssl: true,
} as const
const numbers = new Set(['idle_session_timeout', 'local_max_rate', 'anon_max_rate'])

/** Virtual users have the rights of anonymous ones unless `virtual_use_local_privs` gives them those of local users. */
function permissionsOf(options: Options, standing: Standing): readonly Permission[] {
  const on = (name: keyof typeof defaults): boolean => isOn(options, name)
  const local = isLocal(options, standing)
  const writes = on('write_enable')
  const uploads = writes && (local || on('anon_upload_enable'))
  const makes = writes && (local || on('anon_mkdir_write_enable'))
  const changes = writes && (local || on('anon_other_write_enable'))
  const kept: readonly [Permission, boolean][] = [
    ['list', on('dirlist_enable')],
    ['download', on('download_enable')],
    ['upload', uploads],
    ['append', uploads && changes],
    ['overwrite', uploads && changes],
    ['rename', changes],
    ['delete', changes],
    ['mkdir', makes],
    ['rmdir', changes],
    ['chmod', local && writes && on('chmod_enable')],
    ['mtime', changes && on('mdtm_write')],
  ]
  return kept.flatMap(([permission, allowed]) => (allowed ? [permission] : []))
}

function lossesOf(options: Options, standing: Standing): readonly Loss[] {
  const local = isLocal(options, standing)
  const given = (name: string): string | undefined => options.get(name)?.value || undefined
  return [
    ...['cmds_allowed', 'cmds_denied', 'deny_file'].flatMap(name =>
      given(name) === undefined || patternsOf(options, name) !== undefined
        ? []
        : [wider(`was held by ${name}=${given(name)}`)],
    ),
    ...(given('hide_file') === undefined || patternsOf(options, 'hide_file') !== undefined
      ? []
      : [dropped(`had names hidden by hide_file=${given('hide_file')}`)]),
    ...(!local && isOn(options, 'anon_world_readable_only') && options.has('anon_world_readable_only')
      ? [wider('could download only what the whole system may read (anon_world_readable_only)')]
      : []),
  ]
}

function isLocal(options: Options, standing: Standing): boolean {
  return standing === 'local' || isOn(options, 'virtual_use_local_privs')
}

/** Patterns of `hide_file` and `deny_file` that say the same here: names, with `*` and `?`, and lists of them in one pair of braces. */
function patternsOf(options: Options, name: string): readonly string[] | undefined {
  const text = options.get(name)?.value ?? ''
  if (!name.endsWith('_file') || !/^(\{[^{}]+\}|[^{}]+)$/.test(text)) return undefined
  const patterns = text.replace(/[{}]/g, '').split(text.startsWith('{') ? ',' : /(?!)/)
  if (!patterns.every(pattern => /^[\w.*? ~-]+$/.test(pattern))) return undefined
  // One without wildcards counts wherever it stands in a name.
  return text.startsWith('{') || /[*?]/.test(text) ? patterns : [`*${text}*`]
}

function booleanOf(value: string): boolean | undefined {
  const word = value.toUpperCase()
  if (['YES', 'TRUE', '1'].includes(word)) return true
  return ['NO', 'FALSE', '0'].includes(word) ? false : undefined
}
