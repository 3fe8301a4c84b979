// Colours and shapes. Where Mantine's own fall short of the contrast that text needs, they are set anew here.

import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const ink: MantineColorsTuple = [
  "#eef0fd",
  "#dbe0f9",
  "#b4bdf0",
  "#8b98e8",
  "#6a79e1",
  "#5566dd",
  "#4a5bdb",
  "#3b4cca",
  "#3243b0",
  "#27388f",
];

export const theme = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 5 },
  colors: { ink },
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: "650" },
  defaultRadius: "md",
  autoContrast: true,
  cursorType: "pointer",
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#565d67",
    "--mantine-color-body": "#f6f7f9",
    "--mantine-color-error": "#c11f1f",
    "--mantine-color-placeholder": "#6b727c",
    "--t-card": "#ffffff",
    "--t-line": "#e1e4ea",
    "--t-soft": "#eceef3",
    "--t-used": "#3b4cca",
    "--t-idle": "#c9d0dc",
    "--t-going": "#b7791f",
    "--t-bad": "#c11f1f",
    "--t-good": "#1a7f45",
    "--t-wait": "#9a5b00",
    "--t-link": "#2f3fb4",
  },
  dark: {
    "--mantine-color-dimmed": "#a3abb8",
    "--mantine-color-body": "#12151b",
    "--mantine-color-text": "#e4e7ec",
    "--mantine-color-error": "#ff8f8f",
    "--mantine-color-placeholder": "#98a1af",
    "--t-card": "#1a1e26",
    "--t-line": "#2b313c",
    "--t-soft": "#242a34",
    "--t-used": "#7f8df0",
    "--t-idle": "#3a4250",
    "--t-going": "#d69e2e",
    "--t-bad": "#ff8f8f",
    "--t-good": "#5fd08b",
    "--t-wait": "#f0b858",
    "--t-link": "#a5b0fa",
  },
});
