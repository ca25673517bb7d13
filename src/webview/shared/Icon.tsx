// A codicon. Always decorative: the words stand beside it or in the button's label.
export function Icon({ name, spin = false }: { name: string; spin?: boolean }) {
  return <span class={`codicon codicon-${name}${spin ? " spin" : ""}`} aria-hidden="true" />;
}

/** A square button that shows only an icon; `label` is its name and its tooltip. */
export function IconButton(props: { icon: string; label: string; onClick: () => void; pressed?: boolean; disabled?: boolean; class?: string; testId?: string }) {
  return (
    <button
      type="button" class={`icon-button ${props.class ?? ""}`} title={props.label} aria-label={props.label}
      aria-pressed={props.pressed} disabled={props.disabled} data-testid={props.testId} onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
