/** The operator in a cluster as people put it there: by Helm. */
import { run } from '../clients/process.ts'

export type ReleaseOptions = {
  readonly name: string
  readonly namespace: string
  /** Path of a kubeconfig; that of the environment if absent. */
  readonly kubeconfig?: string
  /** Path of Helm; that in PATH if absent. */
  readonly program?: string | undefined
  /** Further arguments of `helm install` and `helm upgrade`. */
  readonly flags?: readonly string[]
}

/** Each rejects with what Helm said if it fails, and resolves to it otherwise. */
export type Release = {
  install(values: object): Promise<string>
  upgrade(values: object): Promise<string>
  uninstall(): Promise<string>
}

const deadlineMilliseconds = 150_000

export function release({ name, namespace, kubeconfig, program = 'helm', flags = [] }: ReleaseOptions): Release {
  const { KUBECONFIG = '', HOME = '' } = process.env
  const helm = async (parameters: readonly string[], input = ''): Promise<string> => {
    const { stdout } = await run(program, [...parameters, '--namespace', namespace], {
      input,
      environment: { KUBECONFIG: kubeconfig ?? KUBECONFIG, HOME },
      deadlineMilliseconds,
    })
    return stdout
  }
  const withChart = (command: string, values: object) =>
    helm([command, name, 'charts/ftp-operator', '--values', '-', ...flags], JSON.stringify(values))
  return {
    install: values => withChart('install', values),
    upgrade: values => withChart('upgrade', values),
    uninstall: () => helm(['uninstall', name, '--wait', '--timeout=120s']),
  }
}
