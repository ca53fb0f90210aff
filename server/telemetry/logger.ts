/** The log: one line an event, as JSON for machines or as text for people. */
import { type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'
import type { ServerConfiguration } from '../config/schema.ts'

export type Logging = Pick<ServerConfiguration['logging'], 'level' | 'format'>

/** Where lines go: stdout, or what a test reads. */
export type LogDestination = { readonly isTTY?: boolean | undefined; write(text: string): unknown }

/** In every line: which of several processes wrote it. */
export type LogOrigin = { readonly worker?: number }

export type ServerLog = {
  readonly logger: Logger
  /** Level and format from now on, as a reloaded configuration has them. */
  configure(logging: Logging): void
}

/** Each line is written before the call returns: nothing is queued here, nothing is lost when the process ends. */
export function createLog(logging: Logging, destination: LogDestination, origin: LogOrigin = {}): ServerLog {
  let format = chooseFormat(logging, destination)
  const formatText = textFormatter(destination)
  const write = (line: string) => {
    destination.write(format === 'text' ? formatText(line) : line)
  }
  const logger = pino(
    {
      level: logging.level,
      // Pino adds nothing of its own to an object that is given.
      base: origin.worker === undefined ? null : { worker: origin.worker },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { err: stdSerializers.err },
    },
    { write },
  )
  return {
    logger,
    configure(changed) {
      logger.level = changed.level
      format = chooseFormat(changed, destination)
    },
  }
}

function chooseFormat({ format }: Logging, { isTTY }: LogDestination): 'json' | 'text' {
  if (format !== 'auto') return format
  return isTTY === true ? 'text' : 'json'
}

function textFormatter({ isTTY }: LogDestination): (line: string) => string {
  // A function, not pino's transport: that is a thread, which loses lines at exit and can't be bundled.
  const pretty = prettyFactory({ colorize: isTTY === true, singleLine: true, translateTime: 'UTC:HH:MM:ss.l' })
  return line => {
    const record: unknown = JSON.parse(line, (key, value: unknown) =>
      typeof value === 'string' && rawKeys.has(key) ? escapeControls(value, key) : value,
    )
    return escapeInvisible(pretty(record))
  }
}

// What pino-pretty prints as it is; all other strings it prints as JSON, which escapes C0.
const rawKeys = new Set(['msg', 'stack'])

// Names of files and users are the client's choice; a terminal must not obey them, and none may fake a line.
function escapeControls(text: string, key: string): string {
  return text.replace(/\p{Cc}/gu, control => (control === '\n' && key === 'stack' ? control : escapeCode(control)))
}

/** DEL, C1, line separators and changes of writing direction, which JSON leaves as they are. */
function escapeInvisible(text: string): string {
  return text.replace(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, escapeCode)
}

function escapeCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
