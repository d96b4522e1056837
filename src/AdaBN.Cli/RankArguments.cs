using System.CommandLine;
using System.Globalization;
using AdaBN.Mpi;

namespace AdaBN.Cli;

/// <summary>The command line's words for a run of several processes, and for one that can be resumed.</summary>
internal sealed class RankArguments
{
    private static readonly TimeSpan s_afterRank0 = TimeSpan.FromSeconds(2);

    private readonly Option<int> _workers = new("--workers") { Description = "Processes that adapt together, each its part of the samples, started by an MPI launcher: mpirun -n 4 adabn adapt … --workers 4.", DefaultValueFactory = _ => 1, HelpName = "N" };
    private readonly Option<double> _timeOut = new("--stage-timeout") { Description = "Seconds to wait for the other processes at the end of a stage.", DefaultValueFactory = _ => 1800, HelpName = "SECONDS" };
    private readonly Option<string?> _library = new("--mpi-library") { Description = "The MPI library; default: that of the launcher.", HelpName = "FILE" };
    private readonly Option<bool> _unlike = new("--allow-unlike-workers") { Description = "Go on where the machines' processors compute other bits: the result then depends on who measures what." };
    private readonly Option<string?> _state = new("--state") { Description = "Write what is measured to this file after each stage; deleted once the model is written.", HelpName = "FILE" };
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on from the file of --state after its last stage, with any number of workers." };

    public IEnumerable<Option> All => [_workers, _timeOut, _library, _unlike, _state, _resume];

    public AdaptationOptions Complete(AdaptationOptions options, ParseResult parsed, ICommunicator? ranks) => options with
    {
        Communicator = ranks,
        AllowUnlikeRanks = parsed.GetValue(_unlike),
        StateFile = parsed.GetValue(_state),
        Resume = parsed.GetValue(_resume),
    };

    public void TellResumed(ParseResult parsed, AdaptationResult result, TextWriter notes)
    {
        if (result.ResumedStages > 0) notes.WriteLine(string.Create(CultureInfo.InvariantCulture, $"note: {(result.ResumedStages == 1 ? "stage 0 was" : $"stages 0 to {result.ResumedStages - 1} were")} taken from {parsed.GetValue(_state)}, not measured again"));
    }

    /// <summary>After the result is safe.</summary>
    public void DeleteState(ParseResult parsed)
    {
        if (parsed.GetValue(_state) is { } file) File.Delete(file);
    }

    /// <summary>Runs the work, in every process the same; what fails in one ends all, and is told once.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="notes">Where notes go.</param>
    /// <param name="work">Takes the processes, null where this one is alone, and gives the exit code.</param>
    public int Run(ParseResult parsed, TextWriter notes, Func<MpiCommunicator?, int> work)
    {
        int workers = parsed.GetValue(_workers);
        if (workers < 1) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--workers {workers} is none; expected at least 1."));
        if (MpiLaunch.Current is { Size: > 1 } launch && workers == 1)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"A launcher started this process as one of {launch.Size} ({launch.Source}), and each would adapt by itself and write the same file. Add --workers {launch.Size}."));
        if (workers == 1) return work(null);
        if (!(parsed.GetValue(_timeOut) is > 0 and <= 1e6 and var seconds)) throw new ArgumentException("--stage-timeout must be above 0 s, and at most 1000000.");
        MpiCommunicator ranks = MpiCommunicator.Start(workers, TimeSpan.FromSeconds(seconds), parsed.GetValue(_library));
        try
        {
            int exitCode = work(ranks);
            ranks.Dispose();
            return exitCode;
        }
        catch (Exception e)
        {
            // What fails on every rank alike is said by rank 0 alone, which ends the others. One that is told to end, by the launcher, knows no more than where that was.
            bool isTold = e is OperationCanceledException;
            if (ranks.Rank > 0) Thread.Sleep(s_afterRank0);
            TextWriter error = parsed.InvocationConfiguration.Error;
            if (!isTold) error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"adabn: rank {ranks.Rank} of {ranks.Size}: {(parsed.GetValue<bool>(AdabnCommand.Verbose) ? e.ToString() : e.Message.ReplaceLineEndings(" "))}"));
            else if (ranks.Rank == 0) notes.WriteLine($"note: {e.Message} Another rank failed, or a user stopped the job; nothing was written.");
            error.Flush();
            notes.Flush();
            ranks.Abort(isTold ? AdabnCommand.Cancelled : AdabnCommand.Failure);
            throw;
        }
    }
}
