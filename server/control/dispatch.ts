/** From a request to an outcome: finds the command, passes the gates, runs it, and answers failures of the storage and the data channel. */
import { DataChannelError } from '../data/error.ts'
import { StorageError } from '../storage/storage.ts'
import type { Command, Context, LoggedInContext, Outcome } from './command.ts'
import { shutGate } from './gates.ts'
import { dataChannelReply, reply, storageReply } from './reply.ts'

/** The command for a verb or a synonym of it. */
export type CommandTable = ReadonlyMap<string, Command>

/** Indexes commands by all of their verbs. Throws if two have the same. */
export function commandTable(commands: readonly Command[]): CommandTable {
  const table = new Map<string, Command>()
  for (const command of commands) {
    for (const verb of command.verbs) {
      if (table.has(verb)) throw new Error(`Two commands for ${verb}.`)
      table.set(verb, command)
    }
  }
  return table
}

/** Runs one command; what needs no waiting is done when it returns. Throws and rejects only for defects; whatever can go wrong is an outcome. */
export function dispatch(
  command: Command | undefined,
  argument: string,
  context: Context | LoggedInContext,
): Outcome | Promise<Outcome> {
  // The verb is not echoed: a reply must hold nothing of what a stranger sent (ALPACA).
  if (command === undefined) return { kind: 'reply', reply: reply(500, 'Unknown command.') }
  const shut = shutGate(command, argument, context)
  if (shut !== undefined) return { kind: 'reply', reply: shut }
  try {
    const outcome = run(command, argument, context)
    return outcome instanceof Promise ? outcome.catch(outcomeOf) : outcome
  } catch (error) {
    return outcomeOf(error)
  }
}

function run(command: Command, argument: string, context: Context | LoggedInContext): Outcome | Promise<Outcome> {
  if (command.needs === 'nothing') return command.run(context, argument)
  if (!('login' in context)) throw new Error('A gate is missing: nobody is logged in.')
  return command.run(context, argument)
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof StorageError) return { kind: 'reply', reply: storageReply(error.kind) }
  if (error instanceof DataChannelError) return { kind: 'reply', reply: dataChannelReply(error.kind) }
  throw error
}
