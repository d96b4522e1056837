using System.Globalization;
using Spectre.Console;

namespace AdaBN.Cli;

/// <summary>What <c>--dry-run</c> says in place of doing it.</summary>
/// <param name="WouldWrite">Files that would be written.</param>
internal sealed record DryRun(params string[] WouldWrite)
{
    /// <summary>Samples that would be read; null where no data is read or nobody knows yet.</summary>
    public long? Samples { get; init; }

    /// <summary>The memory that it would take; null where that is little.</summary>
    public MemoryEstimate? Memory { get; init; }

    /// <summary>Processes that take as much each.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>Whether those of them that run on one machine divide the memory for activations.</summary>
    public bool DividesMemory { get; init; }

    /// <summary>Says it and gives the exit code.</summary>
    /// <param name="console">Standard output, for people.</param>
    /// <param name="output">The same, for JSON; null where that was not asked for.</param>
    /// <param name="maxMemory">The most bytes of activations in RAM, where an estimate is given.</param>
    public int Tell(IAnsiConsole console, TextWriter? output, long maxMemory = 0)
    {
        if (output is not null)
        {
            output.WriteLine(JsonText.Of(new { DryRun = true, WouldWrite = WouldWrite.Select(file => new { File = file, Replaces = File.Exists(file) }), Samples, Memory }));
            return AdabnCommand.Success;
        }
        if (Samples is { } samples) console.WriteLine(Text($"would read {samples} samples{(Memory is { Stages: > 0 and var stages } ? Text($" and go through {stages} stages") : "")}"));
        if (Memory is { } estimate)
        {
            console.WriteLine($"activations between stages {Megabytes(estimate.Activations)}, at most {Megabytes(maxMemory)} of it in RAM{(DividesMemory ? " (divided among the processes on a machine)" : "")}; " +
                $"batches under way {Megabytes(estimate.Workspace)}; model {Megabytes(estimate.Model)}; {(estimate.Images > 0 ? $"each image's own moments {Megabytes(estimate.Images)}; " : "")}program {Megabytes(MemoryEstimate.Program)}; together {Megabytes(estimate.Total)}{(Processes > 1 ? Text($", in each of {Processes} processes") : "")}");
        }
        foreach (string file in WouldWrite) console.WriteLine($"would write {file}{(File.Exists(file) ? ", replacing the file that is there" : "")}");
        console.WriteLine("nothing was written (--dry-run)");
        return AdabnCommand.Success;
    }

    private static string Megabytes(long bytes) => Text($"{(bytes + (1 << 20) - 1) >> 20} MB");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
