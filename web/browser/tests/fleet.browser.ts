// Fleet: every accelerator drawn, found, coloured; a node taken out of service and back.

import { expect, it } from "vitest";
import { LOOKS } from "../chromium";
import { checked, story } from "../views";

story("fleet", (stage) => {
  it.each(LOOKS)("is in order at $width pixels, $scheme", async (look) => {
    await stage.submit({ name: "holder", run: "sleep 600", queue: "research", resources: { accelerators: "H100:1" } });
    const page = await stage.at("/fleet", look);
    await page.getByText("2 nodes, 12 accelerators").waitFor();
    await checked(page);
  });

  it("tells what is under the pointer and opens it", async () => {
    const id = await stage.submit({ name: "pointed-at", run: "sleep 600", queue: "product", resources: { accelerators: "L40S:4" } });
    await stage.server.reaches(id, "running");
    const page = await stage.at("/fleet?size=26");
    await page.getByText("2 nodes").waitFor();
    const box = (await page.locator("canvas").boundingBox())!;
    // The second group: below the first one's heading, row and gap.
    await page.mouse.move(box.x + 10, box.y + 26 + 31 + 14 + 26 + 10);
    await page.getByText(`held by ${id} of queue product`).waitFor();
    await page.mouse.down();
    await page.mouse.up();
    await page.waitForURL("**/nodes/rack-1");
    await page.getByRole("link", { name: `${id} pointed-at` }).waitFor();
  });

  it("is walked by keyboard", async () => {
    const page = await stage.at("/fleet");
    await page.getByText("2 nodes").waitFor();
    await page.getByRole("application").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByText("laptop-1", { exact: true }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.getByText("rack-1", { exact: true }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/nodes/rack-1");
  });

  it.each(["owner", "utilisation", "price", "health", "age"])("is coloured by %s", async (way) => {
    const page = await stage.at("/fleet");
    await page.getByText("2 nodes").waitFor();
    await page.getByLabel("Colour by").selectOption(way);
    await page.waitForURL(`**/fleet?colour=${way}`);
    const colours = await page.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
      const data = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data;
      const seen = new Set<number>();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
      return seen.size;
    });
    expect(colours).toBeGreaterThan(1);
    expect(await page.locator(".fleet .legend span").count()).toBeGreaterThan(0);
  });

  it("goes to a node by its name", async () => {
    const page = await stage.at("/fleet");
    await page.getByLabel("Go to node").fill("lap");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/nodes/laptop-1");
  });
});

story("a node", (stage) => {
  it.each(LOOKS)("is in order at $width pixels, $scheme", async (look) => {
    const page = await stage.at("/nodes/laptop-1", look);
    await page.getByRole("heading", { name: "Its accelerators" }).waitFor();
    await checked(page);
  });

  it("is drained with a reason and returned", async () => {
    const page = await stage.at("/nodes/laptop-1");
    await page.getByRole("button", { name: "Drain" }).click();
    await page.getByLabel("Why, for those who ask later").fill("a fan rattles");
    await checked(page);
    await page.getByRole("button", { name: "Drain the node" }).click();
    await page.locator("h1").getByText("draining").waitFor();
    await page.getByText(/drained by .*: a fan rattles/).first().waitFor();
    await page.getByRole("button", { name: "Return to service" }).click();
    await page.locator("h1").getByText("ready").waitFor();
  });

  it("that is not there says so", async () => {
    const page = await stage.at("/nodes/nowhere");
    await page.getByText("there is no node").waitFor();
  });
});
