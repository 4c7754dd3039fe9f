"""Figures as SVG, without a library: lines over an axis, and bars."""

COLOURS = ["#1f5fa8", "#c4501b", "#3b8f3e", "#7b4ba0", "#8a6d1f", "#444444"]
LEFT, TOP, WIDTH, HEIGHT, RIGHT = 64, 34, 440, 240, 190


def _ticks(low, high, about=6):
    step = 10.0 ** (len(str(int(max(high - low, 1e-9)))) - 1)
    while (high - low) / step < about / 2:
        step /= 2 if str(step)[0] in "1" else 2.5
    while (high - low) / step > about * 1.5:
        step *= 2
    first = int(low / step) - 1
    return [t for t in (i * step for i in range(first, first + 40)) if low <= t <= high]


class Chart:
    def __init__(self, title, x_label, y_label, x_range, y_range, x_names=None):
        self.x_range, self.y_range = x_range, y_range
        total_w, total_h = LEFT + WIDTH + RIGHT, TOP + HEIGHT + 58
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_w} {total_h}" '
            f'font-family="sans-serif" font-size="12"><title>{title}</title>'
            f'<rect width="{total_w}" height="{total_h}" fill="white"/>'
            f'<text x="{LEFT}" y="20" font-size="14">{title}</text>']
        for tick in _ticks(*y_range):
            y = self.y(tick)
            self.parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" '
                              f'stroke="#ddd"/><text x="{LEFT - 6}" y="{y + 4:.1f}" '
                              f'text-anchor="end">{tick:g}</text>')
        names = x_names or [(t, f"{t:g}") for t in _ticks(*x_range)]
        for at, text in names:
            self.parts.append(f'<text x="{self.x(at):.1f}" y="{TOP + HEIGHT + 18}" '
                              f'text-anchor="middle">{text}</text>')
        self.parts.append(
            f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#888"/>'
            f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 42}" text-anchor="middle">{x_label}</text>'
            f'<text transform="translate(16 {TOP + HEIGHT / 2}) rotate(-90)" '
            f'text-anchor="middle">{y_label}</text>')
        self.series = 0

    def x(self, value):
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * WIDTH

    def y(self, value):
        low, high = self.y_range
        return TOP + HEIGHT - (value - low) / (high - low) * HEIGHT

    def _legend(self, name, number=None):
        colour = COLOURS[(self.series if number is None else number) % len(COLOURS)]
        y = TOP + 10 + 18 * self.series
        self.parts.append(f'<rect x="{LEFT + WIDTH + 12}" y="{y - 9}" width="10" height="10" '
                          f'fill="{colour}"/><text x="{LEFT + WIDTH + 28}" y="{y}">{name}</text>')
        self.series += 1
        return colour

    def line(self, name, points, marks=True, steps=False, spread=(), number=None, dashed=False):
        """spread: [(x, low, high)], thin bars around the line; number: of its colour, standard: the next one."""
        colour = self._legend(name + (", dashed" if dashed else ""), number)
        self._bars(colour, spread)
        dashes = ' stroke-dasharray="5 3"' if dashed else ""
        path = ""
        for i, (x, y) in enumerate(points):
            if steps and i:
                path += f"H{self.x(x):.1f}"
            path += f"{'L' if i else 'M'}{self.x(x):.1f} {self.y(y):.1f}"
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" '
                          f'stroke-width="1.6"{dashes}/>')
        for x, y in points if marks else []:
            self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" '
                              f'fill="{colour}"><title>{name}: {x:g}, {y:.2f}</title></circle>')

    def points(self, name, points):
        """Means with their intervals: [(x, mean, low, high)]."""
        colour = self._legend(name)
        self._bars(colour, [(x, low, high) for x, _, low, high in points])
        for x, mean, low, high in points:
            self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(mean):.1f}" r="4" fill="{colour}">'
                              f'<title>{name}: {mean:.2f}, {low:.2f} to {high:.2f}</title></circle>')

    def _bars(self, colour, bars):
        for x, low, high in bars:
            self.parts.append(f'<line x1="{self.x(x):.1f}" y1="{self.y(low):.1f}" x2="{self.x(x):.1f}" '
                              f'y2="{self.y(high):.1f}" stroke="{colour}" stroke-width="1.2"/>')

    def ranges(self, name, bars, offset):
        """Bars from low to high: [(x, low, high)]."""
        colour = self._legend(name)
        for x, low, high in bars:
            top = self.y(high)
            self.parts.append(
                f'<rect x="{self.x(x) + offset - 4:.1f}" y="{top:.1f}" width="8" '
                f'height="{max(1.0, self.y(low) - top):.1f}" fill="{colour}">'
                f'<title>{name}: {low:.2f} to {high:.2f}</title></rect>')

    def str(self):
        return "\n".join(self.parts) + "\n</svg>\n"
