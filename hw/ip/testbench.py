"""A self-checking Verilog testbench of an ``hw.ip.axi.Axi`` from words sent and words expected."""

from dataclasses import dataclass

__all__ = ["Packet", "testbench"]


@dataclass(frozen=True)
class Packet:
    """All words of one stream.

    Parameters
    ----------
    name : str
        Prefix of its signals.
    width : int
        Of tdata.
    words : list of int
        tdata, as unsigned numbers; None where any will do.
    lasts : None or list of bool
        tlast; None where the stream has none.
    after : None or str
        Stream of which all words must be taken first.
    """

    name: str
    width: int
    words: list
    lasts: list | None = None
    after: str | None = None


HEAD = """\
// Self-checking testbench of {module}, made by hw.export; the words lie in {vectors}.
// Every stream idles and stalls at random. It says PASS, or FAIL and where.
//
//   $ verilator --binary --timing -Wno-fatal --top-module {module}_tb {module}.v {module}_tb.v
//   $ obj_dir/V{module}_tb
// or
//   $ iverilog -g2012 -o {module}_tb {module}.v {module}_tb.v && vvp -n {module}_tb
`timescale 1ns/1ps
module {module}_tb;
  reg clk = 0, rst = 1;
  always #5 clk = ~clk;
  initial begin
    repeat (4) @(negedge clk);
    rst = 0;
  end

  // {{any value will do, tlast, tdata}} of all streams, one after the other.
  reg [{top}:0] words [0:{count}];
  initial $readmemh("{vectors}", words);

  reg [31:0] random = 32'h2545f491;
  reg [31:0] cycles = 0;
  always @(posedge clk) begin
    random <= {{random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]}};
    cycles <= cycles + 1;
  end
"""

TAIL = """
  reg [31:0] idle = 0;
  wire moved = {moved};
  always @(posedge clk) begin
    idle <= moved ? 0 : idle + 1;
    if (idle == {patience}) begin
      $display("FAIL: nothing moves (cycle %0d)", cycles);
      $stop;
    end
    // Nothing more may come out in some more cycles.
    if (idle == 200 && {done}) begin
      $display("PASS: {checked} words checked in %0d cycles", cycles);
      $finish;
    end
  end

  {module} dut (
    {ports}
  );
endmodule
"""

SENT = """
  wire {n}_tready;
  reg {n}_tvalid = 0;
  reg [{any}:0] {n}_word = 0;
  reg [31:0] {n}_at = 0;
  wire {n}_moved = {n}_tvalid && {n}_tready && !rst;
  wire {n}_done = {n}_at == {count};
  wire [31:0] {n}_next = {n}_at + {{31'b0, {n}_moved}};
  always @(posedge clk) if (!rst) begin
    {n}_at <= {n}_next;
    if (!{n}_tvalid || {n}_tready) begin
      {n}_tvalid <= {after}{n}_next < {count} && random[{bit} +: 2] != 0;
      {n}_word <= words[{offset} + ({n}_next < {count} ? {n}_next : 0)];
    end
  end
"""

EXPECTED = """
  wire [{high}:0] {n}_tdata;
  wire {n}_tvalid;{last_wire}
  wire {n}_tready = random[{bit} +: 2] != 0 && !rst;
  reg [31:0] {n}_at = 0;
  wire {n}_moved = {n}_tvalid && {n}_tready;
  wire {n}_done = {n}_at == {count};
  wire [{any}:0] {n}_wanted = words[{offset} + ({n}_done ? 0 : {n}_at)];
  always @(posedge clk) if ({n}_moved) begin
    {n}_at <= {n}_at + 1;
    if ({n}_done) begin
      $display("FAIL: {n}: a word too many (cycle %0d)", cycles);
      $stop;
    end else if ({n}_tdata !== {n}_wanted[{high}:0] && !{n}_wanted[{any}]{last_test}) begin
      $display("FAIL: {n}: word %0d is %h, not %h (cycle %0d)",
               {n}_at, {n}_tdata, {n}_wanted[{high}:0], cycles);
      $stop;
    end
  end
"""


def testbench(module, sent, expected, *, patience=100_000):
    """(Verilog of module ``module``_tb, text of the file of words that it reads).

    Parameters
    ----------
    module : str
    sent, expected : list of Packet
    patience : int
        Cycles in which something must move.
    """
    top = max(packet.width for packet in (*sent, *expected))     # place of tlast
    offsets, words = {}, []
    for packet in (*sent, *expected):
        offsets[packet.name] = len(words)
        lasts = packet.lasts or [False] * len(packet.words)
        words += [int(last) << top | (1 << top + 1 if word is None else word)
                  for word, last in zip(packet.words, lasts, strict=True)]
    every = [packet.name for packet in (*sent, *expected)]
    text = HEAD.format(module=module, vectors=f"{module}_tb.hex", top=top + 1,
                       count=max(1, len(words)) - 1)
    ports = [".clk(clk)", ".rst(rst)"]
    for n, packet in enumerate((*sent, *expected)):
        values = {"n": packet.name, "any": top + 1, "high": packet.width - 1, "bit": 2 * n,
                  "count": len(packet.words), "offset": offsets[packet.name]}
        ports += [f".{packet.name}_{part}({packet.name}_{part})" for part in ("tvalid", "tready")]
        if packet in sent:
            after = f"{packet.after}_done && " if packet.after else ""
            text += SENT.format(**values, after=after)
            ports.append(f".{packet.name}_tdata({packet.name}_word[{packet.width - 1}:0])")
            if packet.lasts is not None:
                ports.append(f".{packet.name}_tlast({packet.name}_word[{top}])")
        else:
            tlast = packet.lasts is not None
            text += EXPECTED.format(
                **values, last_wire=f"\n  wire {packet.name}_tlast;" if tlast else "",
                last_test=f"\n                 || {packet.name}_tlast !== "
                          f"{packet.name}_wanted[{top}]" if tlast else "")
            ports.append(f".{packet.name}_tdata({packet.name}_tdata)")
            if tlast:
                ports.append(f".{packet.name}_tlast({packet.name}_tlast)")
    text += TAIL.format(
        module=module, ports=",\n    ".join(ports), patience=patience,
        moved=" || ".join(f"{name}_moved" for name in every),
        done=" && ".join(f"{name}_done" for name in every),
        checked=sum(len(packet.words) for packet in expected))
    digits = -(-(top + 2) // 4)
    return text, "".join(f"{word:0{digits}x}\n" for word in words)
