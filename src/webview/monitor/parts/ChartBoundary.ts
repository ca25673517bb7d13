// Keeps what goes wrong in one chart to that chart: in its place stands a sentence, the others are drawn, and with the next values
// it is tried again. Without JSX, so that Node can test it alone.
import { Component, h } from "preact";
import type { ComponentChildren, VNode } from "preact";
import { t } from "../../shared/l10n.ts";

interface ChartBoundaryProps {
  title: string;
  /** What is drawn: once it changes, a chart that failed is tried again. */
  drawn: unknown;
  children?: ComponentChildren;
}

interface ChartBoundaryState {
  failure: string | null;
  /** `drawn` when it failed. */
  failedOn: unknown;
}

export class ChartBoundary extends Component<ChartBoundaryProps, ChartBoundaryState> {
  override state: ChartBoundaryState = { failure: null, failedOn: undefined };

  override componentDidCatch(error: unknown): void {
    console.warn(`The chart "${this.props.title}" could not be drawn`, error);
    this.setState({ failure: error instanceof Error ? error.message : String(error), failedOn: this.props.drawn });
  }

  override render({ title, drawn, children }: ChartBoundaryProps, { failure, failedOn }: ChartBoundaryState): ComponentChildren {
    if (failure === null || drawn !== failedOn) return children;
    const notice: VNode = h("figure", { class: "chart", role: "group", "aria-label": title }, [
      h("figcaption", { class: "chart-head" }, h("h3", null, title)),
      h("p", { class: "quiet", "data-testid": "chart-failure" }, t("This chart cannot be drawn ({0}). The values are in the run's log.jsonl; the other charts go on.", failure)),
    ]);
    return notice;
  }
}
