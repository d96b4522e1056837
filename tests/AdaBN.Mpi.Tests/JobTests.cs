using System.Diagnostics;
using System.Text.RegularExpressions;
using AdaBN.TestSupport;

namespace AdaBN.Mpi.Tests;

/// <summary>Real jobs of several processes: the bytes of one, and an end in bounded time whatever happens to a rank.</summary>
[TestClass]
[DoNotParallelize]
public sealed class JobTests
{
    private const int LongJob = 60_000; // samples: it takes far longer than what stops it
    private static readonly string s_model = Repository.Model("digits-cnn.onnx");

    public static IEnumerable<object[]> Libraries => [["openmpi"], ["mpich"]];

    [TestMethod]
    [DataRow("openmpi", 1)]
    [DataRow("openmpi", 2)]
    [DataRow("openmpi", 3)]
    [DataRow("openmpi", 4)]
    [DataRow("mpich", 1)]
    [DataRow("mpich", 2)]
    [DataRow("mpich", 3)]
    [DataRow("mpich", 4)]
    public void Any_number_of_ranks_writes_the_bytes_of_one_process(string library, int ranks)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 600, 1);
        Launcher.Run([], "adapt", s_model, "--data", data, "--out", folder.File("alone.onnx"));
        var (exitCode, output, error) = Launcher.Run(Launcher.Of(library, ranks), "adapt", s_model, "--data", data, "--out", folder.File("together.onnx"), "--workers", $"{ranks}");
        Assert.AreEqual(0, exitCode, error);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
        Assert.AreEqual(1, output.Split("layers measured on 600 samples").Length - 1, output); // one rank prints
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void Ranks_without_a_shard_take_part(string library)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 100, 2); // two shards
        Launcher.Run([], "adapt", s_model, "--data", data, "--out", folder.File("alone.onnx"));
        var (exitCode, _, error) = Launcher.Run(Launcher.Of(library, 4), "adapt", s_model, "--data", data, "--out", folder.File("together.onnx"), "--workers", "4");
        Assert.AreEqual(0, exitCode, error);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
    }

    [TestMethod]
    public void A_folder_of_images_is_shared_broken_ones_left_out()
    {
        using var folder = new TemporaryFolder();
        string images = Directory.CreateDirectory(folder.File("images")).FullName;
        string[] pictures = [.. Directory.GetFiles(Path.Combine(Repository.Root, "tests", "Images"), "*.png").Order(StringComparer.Ordinal)];
        for (int i = 0; i < 150; i++)
        {
            byte[] content = File.ReadAllBytes(pictures[i % pictures.Length]);
            File.WriteAllBytes(Path.Combine(images, $"{i:000}.png"), i is 3 or 70 or 149 ? content[..(content.Length / 2)] : content);
        }
        string[] adapt = ["adapt", s_model, "--data", images, "--size", "28x28", "--scale", "1/255", "--max-broken", "5%"];
        var (aloneCode, _, aloneError) = Launcher.Run([], [.. adapt, "--out", folder.File("alone.onnx")]);
        Assert.AreEqual(0, aloneCode, aloneError);
        var (exitCode, _, error) = Launcher.Run(Launcher.Of("openmpi", 3), [.. adapt, "--out", folder.File("together.onnx"), "--workers", "3"]);
        Assert.AreEqual(0, exitCode, error);
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
        Assert.Contains("3 broken images were left out", error);

        var (tooMany, _, tooManyError) = Launcher.Run(Launcher.Of("openmpi", 3), [.. adapt[..^2], "--max-broken", "0", "--out", folder.File("none.onnx"), "--workers", "3"]);
        Assert.AreNotEqual(0, tooMany);
        Assert.Contains("003.png", tooManyError);
        Assert.IsFalse(File.Exists(folder.File("none.onnx")));
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void An_unreadable_sample_ends_the_job_and_is_named_with_its_rank(string library)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 600, 3, spoilt: 555);
        var watch = Stopwatch.StartNew();
        var (exitCode, _, error) = Launcher.Run(Launcher.Of(library, 3), "adapt", s_model, "--data", data, "--out", folder.File("out.onnx"), "--workers", "3", "--quiet");
        Assert.AreNotEqual(0, exitCode);
        Assert.IsLessThan(10, watch.Elapsed.TotalSeconds);
        Assert.Contains("adabn: rank 2 of 3: Reading, samples 384 to 599: Sample 555", error);
        Assert.AreEqual(1, error.Split("adabn: rank").Length - 1, error);
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void A_killed_rank_ends_the_job_and_what_was_done_is_resumed_by_fewer(string library)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 20_000, 4), state = folder.File("run.state");
        string[] arguments = ["adapt", s_model, "--data", data, "--batch-size", "1", "--policy", "adabn", "--judge", "0"];
        Launcher.Run([], [.. arguments, "--out", folder.File("alone.onnx")]);

        string[] together = [.. arguments, "--out", folder.File("together.onnx"), "--state", state];
        using Process job = Launcher.Start(Launcher.Of(library, 4), [.. together, "--workers", "4"]);
        Wait.For(() => File.Exists(state), "the first stage's state");
        var watch = Stopwatch.StartNew();
        Process.Start("kill", ["-KILL", $"{Launcher.RanksWith(data)[^1]}"]).WaitForExit();
        var (exitCode, _, _) = Launcher.Finish(job);
        Assert.AreNotEqual(0, exitCode);
        Assert.IsLessThan(10, watch.Elapsed.TotalSeconds);
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
        Assert.IsFalse(File.Exists(folder.File("together.onnx")));

        var (resumed, output, error) = Launcher.Run(Launcher.Of(library, 2), [.. together, "--workers", "2", "--resume"]);
        Assert.AreEqual(0, resumed, error + output);
        StringAssert.Matches(error, new Regex($@"note: stages? 0( to [123])? (was|were) taken from {Regex.Escape(state)}, not measured again"));
        CollectionAssert.AreEqual(File.ReadAllBytes(folder.File("alone.onnx")), File.ReadAllBytes(folder.File("together.onnx")));
        Assert.IsFalse(File.Exists(state));
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void A_stopped_rank_is_named_when_the_time_is_out(string library)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), LongJob, 5), state = folder.File("run.state");
        using Process job = Launcher.Start(Launcher.Of(library, 3), "adapt", s_model, "--data", data, "--batch-size", "1", "--policy", "adabn", "--judge", "0", "--out", folder.File("out.onnx"),
            "--workers", "3", "--stage-timeout", "4", "--state", state);
        Wait.For(() => File.Exists(state), "the first stage's state");
        int stopped = Launcher.RanksWith(data).Single(id => Rank(id) == 2);
        Process.Start("kill", ["-STOP", $"{stopped}"]).WaitForExit();
        var (exitCode, _, error) = Launcher.Finish(job, seconds: 60);
        Assert.AreNotEqual(0, exitCode);
        StringAssert.Matches(error, new Regex(@"adabn: rank 0 of 3: Stage [1-4] of 0 to 4: Rank 0 waited 4 s for word of rank 2: .+ Rank 2 has samples 40000 to 59999\."));
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
    }

    [TestMethod]
    [DynamicData(nameof(Libraries))]
    public void A_launcher_that_is_told_to_end_leaves_nothing(string library)
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), LongJob, 6), state = folder.File("run.state");
        using Process job = Launcher.Start(Launcher.Of(library, 2), "adapt", s_model, "--data", data, "--batch-size", "1", "--policy", "adabn", "--judge", "0", "--out", folder.File("out.onnx"), "--workers", "2", "--state", state);
        Wait.For(() => File.Exists(state), "the first stage's state");
        var watch = Stopwatch.StartNew();
        Process.Start("kill", ["-TERM", $"{job.Id}"]).WaitForExit();
        var (exitCode, _, _) = Launcher.Finish(job);
        Assert.AreNotEqual(0, exitCode);
        Assert.IsLessThan(10, watch.Elapsed.TotalSeconds);
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
        Wait.For(() => Launcher.RanksWith(data).Length == 0, "the ranks' end");
    }

    [TestMethod]
    public void Ranks_that_do_not_find_each_other_are_refused()
    {
        using var folder = new TemporaryFolder();
        string data = Digits.Write(folder.File("digits.npy"), 100, 7);
        string[] arguments = ["adapt", s_model, "--data", data, "--out", folder.File("out.onnx")];

        var (unasked, _, unaskedError) = Launcher.Run(Launcher.Of("openmpi", 2), arguments);
        Assert.AreNotEqual(0, unasked);
        Assert.Contains("Add --workers 2", unaskedError);

        var (fewer, _, fewerError) = Launcher.Run(Launcher.Of("openmpi", 2), [.. arguments, "--workers", "3"]);
        Assert.AreNotEqual(0, fewer);
        Assert.Contains("the launcher has started 2", fewerError);

        var (alone, _, aloneError) = Launcher.Run([], [.. arguments, "--workers", "2"]);
        Assert.AreEqual(1, alone);
        Assert.Contains("no MPI launcher has started this process", aloneError);

        var (foreign, _, foreignError) = Launcher.Run(Launcher.Of("mpich", 2), [.. arguments, "--workers", "2", "--mpi-library", "libmpi.so.40"]);
        Assert.AreNotEqual(0, foreign);
        Assert.Contains("not the launcher's own MPI", foreignError);

        var (none, _, noneError) = Launcher.Run(Launcher.Of("openmpi", 2), [.. arguments, "--workers", "2", "--mpi-library", "/nowhere/libmpi.so"]);
        Assert.AreNotEqual(0, none);
        Assert.Contains("No MPI library was found (/nowhere/libmpi.so)", noneError);
        Assert.IsFalse(File.Exists(folder.File("out.onnx")));
    }

    private static int Rank(int process)
    {
        string[] environment = File.ReadAllText($"/proc/{process}/environ").Split('\0');
        return int.Parse(environment.First(variable => variable.StartsWith("OMPI_COMM_WORLD_RANK=", StringComparison.Ordinal) || variable.StartsWith("PMI_RANK=", StringComparison.Ordinal)).Split('=')[1]);
    }
}
