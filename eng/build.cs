#:property PublishAot=false
#:property GenerateDocumentationFile=false
#:property EnforceCodeStyleInBuild=false
#:property DeterministicSourcePaths=false

// The build: ./build.sh COMMAND. One C# program, so that Windows, macOS and Linux do the same.
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

return Build.Run(args);

internal static partial class Build
{
    private const string Usage = """
        usage: ./build.sh COMMAND [--offline | --online]
          demo    adapt the shipped digit classifier to another scanner, end to end (examples/DigitsNewScanner)
          test    build everything and run all tests
          bench   time an adaptation beside plain inference, other ways and PyTorch (--quick: under a minute; --scaling; --memory; --kernels;
                  --scale: several processes under MPI);
                  --accuracy [--data DIR] [--quick]: what policies do to accuracy on real images (or ADABN_DATA); --accuracy --family: other normalizations only; --accuracy --mixed:
                  targets of several domains only
          pack    make the NuGet packages (default dependencies only)
          clean   remove artifacts/
        --offline builds against ONNX Runtime from npm and stand-ins for ML.NET and SkiaSharp, --online against the NuGet packages;
        without either, the first run probes which way works and remembers it.
        """;

    private static readonly string Root = Path.GetFullPath(Path.Combine(ThisFolder(), ".."));
    private static readonly string Artifacts = Path.Combine(Root, "artifacts");
    private static readonly string ModeFile = Path.Combine(Artifacts, "dependencies.props");
    private static readonly string Offline = Path.Combine(Root, "eng", "offline");
    private static readonly string[] s_shownByNuGet = ["<readme>", "<icon>", "<license type=\"expression\">", "<description>", "<tags>"];
    private static readonly string[] s_filesBeside = ["README.md", "icon.png", "LICENSE"];

    public static int Run(string[] args)
    {
        string? data = null;
        if (Array.IndexOf(args, "--data") is >= 0 and var at)
        {
            data = at + 1 < args.Length && args[at + 1].Length > 0 ? Path.GetFullPath(args[at + 1]) : "";
            args = [.. args[..at], .. args.Skip(at + 2)];
        }
        string[] commands = [.. args.Where(arg => !arg.StartsWith("--", StringComparison.Ordinal))];
        string[] benchmarks = ["--quick", "--scaling", "--scale", "--memory", "--kernels", "--accuracy", "--family", "--mixed"];
        string[] known = ["--offline", "--online", .. benchmarks];
        if (commands.Length != 1 || data?.Length == 0 || (data is not null && !args.Contains("--accuracy")) || !Usage.Contains($"\n  {commands[0]} ", StringComparison.Ordinal) || args.Any(arg => arg.StartsWith("--", StringComparison.Ordinal) && !known.Contains(arg)))
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        try
        {
            if (commands[0] == "clean")
            {
                if (Directory.Exists(Artifacts)) Directory.Delete(Artifacts, recursive: true);
                return 0;
            }
            bool offline = ChooseDependencies(args);
            switch (commands[0])
            {
                case "demo":
                    Compile();
                    Start(Program("DigitsNewScanner"), ["--out", Path.Combine(Artifacts, "demo")]);
                    return 0;
                case "test":
                    Compile();
                    InstallBrowserDriver();
                    InstallLaunchers();
                    return Test();
                case "bench":
                    Compile();
                    Start(Program("AdaBN.Benchmarks"), [.. args.Where(benchmarks.Contains), .. data is null ? Array.Empty<string>() : ["--data", data]]);
                    return 0;
                case "pack" when offline:
                    throw new BuildException("packages are made against the real dependencies only; this machine's registry lacks them (or --offline was given).");
                case "pack":
                    Pack();
                    return 0;
                default:
                    throw new UnreachableException();
            }
        }
        catch (BuildException e)
        {
            Console.Error.WriteLine($"build: {e.Message}");
            return 1;
        }
    }

    private static string Solution => Path.Combine(Root, "AdaBNPipeline.sln");

    private static string Program(string project) =>
        Path.Combine(Artifacts, "bin", project, "release", project + (OperatingSystem.IsWindows() ? ".exe" : ""));

    private static void Compile() => Start("dotnet", ["build", Solution, "-c", "Release", "-nologo", "-v", "quiet", "-tl:off", "-clp:NoSummary;ErrorsOnly"]);

    /// <summary>Makes the packages and looks into each: what NuGet shows of it is there.</summary>
    private static void Pack()
    {
        string folder = Path.Combine(Artifacts, "package");
        string own = Path.Combine(Artifacts, "packing"); // compiled afresh, source paths mapped; what tests and debuggers use stays as it is
        foreach (string old in (string[])[folder, own])
            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        foreach (string project in Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            Start("dotnet", ["pack", project, "-c", "Release", "-o", folder, "-p:ContinuousIntegrationBuild=true", $"-p:ArtifactsPath={own}", "-nologo", "-v", "quiet", "-tl:off", "-clp:NoSummary;ErrorsOnly"]);
        Directory.Delete(own, recursive: true);
        string[] packages = [.. Directory.GetFiles(folder, "*.nupkg").Order(StringComparer.Ordinal)];
        if (packages.Length == 0) throw new BuildException("no package was made.");
        foreach (string package in packages)
        {
            using ZipArchive zip = ZipFile.OpenRead(package);
            ZipArchiveEntry specification = zip.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal));
            using var reader = new StreamReader(specification.Open());
            string text = reader.ReadToEnd();
            string[] lacks = [
                .. s_shownByNuGet.Where(tag => !text.Contains(tag, StringComparison.Ordinal)),
                .. s_filesBeside.Where(file => zip.GetEntry(file) is null),
                .. File.Exists(Path.ChangeExtension(package, ".snupkg")) ? Array.Empty<string>() : ["symbols (.snupkg)"]];
            if (lacks.Length > 0) throw new BuildException($"{Path.GetFileName(package)} lacks {string.Join(", ", lacks)}.");
            Console.WriteLine($"{Path.GetFileName(package)}: {new FileInfo(package).Length / 1024.0:0} KB");
        }
    }

    private static int Test()
    {
        var counts = new Dictionary<string, int> { ["Passed"] = 0, ["Failed"] = 0, ["Skipped"] = 0 };
        int exitCode = Process("dotnet", ["test", Solution, "-c", "Release", "--no-build"], Root, line =>
        {
            Console.WriteLine(line);
            if (!SummaryLine().IsMatch(line)) return;
            foreach (string outcome in counts.Keys)
                counts[outcome] += int.Parse(Regex.Match(line, $@"{outcome}:\s*(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        });
        Console.WriteLine($"{counts["Passed"]} passed, {counts["Failed"]} failed, {counts["Skipped"]} skipped");
        if (counts["Passed"] == 0) throw new BuildException("no test ran.");
        return exitCode;
    }

    /// <summary>Which way to the dependencies: asked for, remembered, or probed.</summary>
    private static bool ChooseDependencies(string[] args)
    {
        bool? asked = args.Contains("--offline") ? true : args.Contains("--online") ? false : null;
        bool? remembered = File.Exists(ModeFile) ? File.ReadAllText(ModeFile).Contains(">true<", StringComparison.Ordinal) : null;
        bool offline = asked ?? remembered ?? !RealPackagesRestore();
        if (offline != remembered)
        {
            Directory.CreateDirectory(Artifacts);
            File.WriteAllText(ModeFile, $"<Project><PropertyGroup><OfflineDependencies Condition=\"'$(OfflineDependencies)' == ''\">{(offline ? "true" : "false")}</OfflineDependencies></PropertyGroup></Project>\n");
        }
        Console.WriteLine(offline
            ? "Dependencies: offline (ONNX Runtime from npm, the stand-ins of eng/offline for ML.NET and SkiaSharp)."
            : "Dependencies: the real packages (Microsoft.ML, Microsoft.ML.OnnxTransformer, Microsoft.ML.OnnxRuntime, SkiaSharp) from NuGet.");
        if (offline)
        {
            InstallNpmPackages();
            InstallSystemLibraries();
        }
        return offline;
    }

    private static bool RealPackagesRestore()
    {
        string folder = Path.Combine(Artifacts, "probe");
        Directory.CreateDirectory(folder);
        string project = Path.Combine(folder, "probe.csproj");
        File.WriteAllText(project, """
            <Project Sdk="Microsoft.NET.Sdk">
              <ItemGroup>
                <PackageReference Include="Microsoft.ML" />
                <PackageReference Include="Microsoft.ML.OnnxTransformer" />
                <PackageReference Include="Microsoft.ML.OnnxRuntime" />
                <PackageReference Include="Google.Protobuf" />
                <PackageReference Include="SkiaSharp" />
                <PackageReference Include="SkiaSharp.NativeAssets.Linux.NoDependencies" />
              </ItemGroup>
            </Project>
            """);
        Console.WriteLine("Probing whether NuGet serves Microsoft.ML and SkiaSharp …");
        string refusal = "";
        int exitCode = Process("dotnet", ["restore", project, "-p:OfflineDependencies=false"], Root, line =>
        {
            if (refusal.Length == 0 && line.Contains(": error ", StringComparison.Ordinal)) refusal = line[(line.IndexOf(": error ", StringComparison.Ordinal) + 2)..];
        });
        if (exitCode != 0) Console.WriteLine($"It does not ({refusal.Trim()}).");
        return exitCode == 0;
    }

    private static void InstallNpmPackages()
    {
        string installed = Path.Combine(Offline, "node_modules", ".package-lock.json");
        string wanted = Path.Combine(Offline, "package-lock.json");
        if (File.Exists(installed) && File.GetLastWriteTimeUtc(installed) >= File.GetLastWriteTimeUtc(wanted)) return;
        Console.WriteLine("Installing ONNX Runtime from npm (about 150 MB) …");
        try
        {
            string npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
            if (Process(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], Offline, Console.WriteLine) != 0)
                throw new BuildException("npm could not install ONNX Runtime (eng/offline/package.json); see above.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new BuildException("offline dependencies need npm, which is not on the PATH. Install Node.js (Debian: apt-get install npm), or use a registry that serves Microsoft.ML.");
        }
        File.SetLastWriteTimeUtc(installed, DateTime.UtcNow);
    }

    /// <summary>What the stand-in for SkiaSharp decodes with; elsewhere than on Linux it says itself what it misses.</summary>
    private static void InstallSystemLibraries()
    {
        const string packages = "libgdk-pixbuf-2.0-0 libwebp7";
        if (OperatingSystem.IsLinux() && !InstallDebian(packages, () => NativeLibrary.TryLoad("libgdk_pixbuf-2.0.so.0", out _) && NativeLibrary.TryLoad("libwebp.so.7", out _)))
            throw new BuildException($"offline, pictures are decoded by the system's gdk-pixbuf and libwebp, which are not there. Install them (Debian: apt-get install {packages}), or use a registry that serves SkiaSharp.");
    }

    /// <summary>Tests of several processes need MPI's launchers; without them they are skipped.</summary>
    private static void InstallLaunchers()
    {
        if (OperatingSystem.IsLinux()) InstallDebian("openmpi-bin mpich iproute2", () => File.Exists("/usr/bin/mpirun.openmpi") && File.Exists("/usr/bin/mpirun.mpich"));
    }

    /// <summary>Installs packages where they are not there, this is Debian or a kin of it, and the user may.</summary>
    /// <returns>Whether they are there.</returns>
    private static bool InstallDebian(string packages, Func<bool> areThere)
    {
        if (!areThere() && Environment.IsPrivilegedProcess && File.Exists("/usr/bin/apt-get"))
        {
            Console.WriteLine($"Installing {packages} …");
            _ = Process("apt-get", ["update", "-qq"], Root, Console.WriteLine);
            _ = Process("apt-get", ["install", "-y", "-qq", "--no-install-recommends", .. packages.Split(' ')], Root, _ => { });
        }
        return areThere();
    }

    /// <summary>What drives Chromium, where there is one; its tests skip without.</summary>
    private static void InstallBrowserDriver()
    {
        string folder = Path.Combine(Root, "tests", "Browser"), installed = Path.Combine(folder, "node_modules", ".package-lock.json");
        if (!File.Exists("/usr/bin/chromium") || (File.Exists(installed) && File.GetLastWriteTimeUtc(installed) >= File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))) return;
        try
        {
            if (Process("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, Console.WriteLine) == 0) File.SetLastWriteTimeUtc(installed, DateTime.UtcNow);
            else Console.WriteLine("npm could not install playwright-core (tests/Browser); tests in Chromium are skipped.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Console.WriteLine("There is no npm on the PATH; tests in Chromium are skipped.");
        }
    }

    private static void Start(string program, string[] arguments)
    {
        int exitCode = Process(program, arguments, Root, Console.WriteLine);
        if (exitCode != 0) throw new BuildException($"{Path.GetFileName(program)} {arguments.FirstOrDefault()} failed with exit code {exitCode}.");
    }

    private static int Process(string program, string[] arguments, string folder, Action<string> onLine)
    {
        using var process = new System.Diagnostics.Process { StartInfo = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, UseShellExecute = false } };
        process.OutputDataReceived += (_, e) =>
        {
            if (e.Data is not null) onLine(e.Data);
        };
        process.Start();
        process.BeginOutputReadLine();
        process.WaitForExit();
        return process.ExitCode;
    }

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"Failed:\s*\d+, Passed:\s*\d+, Skipped:\s*\d+")]
    private static partial Regex SummaryLine();
}

internal sealed class BuildException(string message) : Exception(message);
