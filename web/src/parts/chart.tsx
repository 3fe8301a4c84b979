// A chart, loaded when a view first shows one. Its tooltip is drawn, not written as markup.

import { useComputedColorScheme } from "@mantine/core";
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type EChartsCoreOption, type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, AriaComponent, CanvasRenderer]);

export const PALETTE = {
  light: ["#3b4cca", "#1a7f45", "#b7791f", "#7a3fb0", "#0e7490", "#c0392b", "#4d7c0f", "#8a93a0"],
  dark: ["#8b98f5", "#5fd08b", "#f0b858", "#c79bf2", "#5cc8de", "#ff9b8f", "#b4d66b", "#98a1af"],
};

export interface Series {
  name: string;
  values: (number | null)[];
  stack?: string;
  step?: boolean;
  area?: boolean;
}

export interface ChartProps {
  kind: "bar" | "line";
  /** What the values belong to: names, or numbers for a line over time. */
  at: (string | number)[];
  series: Series[];
  tell: (value: number) => string;
  tellAt?: (at: number) => string;
  label: string;
  height?: number;
}

function options({ kind, at, series, tell, tellAt, label }: ChartProps, scheme: "light" | "dark"): EChartsCoreOption {
  const text = scheme === "dark" ? "#a3abb8" : "#565d67";
  const line = scheme === "dark" ? "#2b313c" : "#e1e4ea";
  const numeric = tellAt !== undefined;
  const axis = { axisLabel: { color: text, hideOverlap: true }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } } };
  return {
    animation: false,
    color: PALETTE[scheme],
    aria: { enabled: true, label: { description: label } },
    grid: { left: 8, right: 16, top: series.length > 1 ? 34 : 12, bottom: 4, containLabel: true },
    legend: series.length > 1 ? { top: 0, left: 0, type: "scroll", textStyle: { color: text }, pageTextStyle: { color: text }, icon: "roundRect", itemHeight: 9, itemWidth: 9 } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      backgroundColor: scheme === "dark" ? "#242a34" : "#ffffff",
      borderColor: line,
      textStyle: { color: scheme === "dark" ? "#e4e7ec" : "#1c2026", fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === "number" ? tell(value) : "–"),
    },
    xAxis: numeric
      ? { ...axis, type: "value", min: "dataMin", max: "dataMax", axisLabel: { ...axis.axisLabel, formatter: tellAt }, axisPointer: { label: { formatter: (p: { value: number }) => tellAt(p.value) } }, splitLine: { show: false } }
      : { ...axis, type: "category", data: at },
    yAxis: { ...axis, type: "value", axisLabel: { ...axis.axisLabel, formatter: tell } },
    series: series.map((one) => ({
      name: one.name,
      type: kind,
      stack: one.stack,
      step: one.step ? "end" : undefined,
      areaStyle: one.area ? { opacity: 0.25 } : undefined,
      showSymbol: false,
      barMaxWidth: 34,
      sampling: kind === "line" ? "lttb" : undefined,
      data: numeric ? one.values.map((value, i) => [at[i], value]) : one.values,
    })),
  };
}

export default function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = init(element);
    chart.current = made;
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  const key = JSON.stringify([props.at, props.series, props.kind, scheme]);
  useEffect(() => {
    chart.current?.setOption(options(props, scheme), { notMerge: true });
    // The key says it all: the functions in the props are the same at each drawing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key]);
  return <div ref={place} role="img" aria-label={props.label} style={{ height: props.height ?? 260, width: "100%" }} />;
}
