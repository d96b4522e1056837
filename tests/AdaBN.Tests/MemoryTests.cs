using System.Diagnostics;
using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

[TestClass]
public sealed class MemoryTests
{
    [TestMethod]
    [DataRow("conv_chain")]
    [DataRow("residual_downsample")]
    [DataRow("concat_branch")]
    [DataRow("crossing")]
    [DataRow("fixed_batch8")]
    public void The_activations_foretold_are_those_used(string name)
    {
        var golden = new GoldenCase(name);
        // The same few samples over and over: enough for activations to outweigh the batches under way.
        int[] order = [.. Enumerable.Range(0, 1000).Select(i => i % golden.Samples)];
        var options = PaperAdaBN.Options with { Workers = 1 };
        MemoryEstimate estimate = BatchNormAdapter.EstimateMemory(golden.Model, golden.Source(), options, order.Length);
        MemoryUse used = BatchNormAdapter.Adapt(golden.Model, golden.Source(order), options).Memory;
        Assert.IsLessThanOrEqualTo(1.2 * (estimate.Activations + estimate.Workspace), used.PeakActivations);
        // These layers are narrower than a block, which the estimate fills up everywhere and the run only where a piece is blocked.
        Assert.IsGreaterThanOrEqualTo(0.5 * estimate.Activations, used.PeakActivations);
    }

    [TestMethod]
    public void Shapes_known_only_at_run_time_are_said_so()
    {
        var golden = new GoldenCase("view_flatten");
        try
        {
            Assert.IsGreaterThan(0, BatchNormAdapter.EstimateMemory(golden.Model, golden.Source(), sampleCount: 100).Total);
        }
        catch (AdaptationException e)
        {
            Assert.Contains("known only when it is computed", e.Message);
        }
    }

    /// <summary>A disk of two megabytes: the adaptation must end with a clear error and leave nothing on it.</summary>
    [TestMethod]
    public void A_full_disk_is_a_clear_error_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        if (!OperatingSystem.IsLinux() || !Mount("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder.Path))
        {
            Assert.Inconclusive("needs Linux and the right to mount a small file system");
            return;
        }
        try
        {
            var golden = new GoldenCase("conv_chain");
            var options = PaperAdaBN.Options with { MaxMemory = 0, SpillFolder = folder.Path };
            IOException e = Assert.ThrowsExactly<IOException>(() => BatchNormAdapter.Adapt(golden.Model, golden.Source(), options));
            Assert.Contains("SpillFolder", e.Message);
            Assert.IsEmpty(Directory.GetFileSystemEntries(folder.Path));
        }
        finally
        {
            Mount("umount", folder.Path);
        }
    }

    private static bool Mount(string command, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
