export function withAuthority(file: string | undefined): string;
export function certificateFor(names: readonly string[]): string;
