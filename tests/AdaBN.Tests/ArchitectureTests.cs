using System.Text.RegularExpressions;
using System.Xml.Linq;
using AdaBN.TestSupport;

namespace AdaBN.Tests;

/// <summary>Imports run one way (ARCHITECTURE.md): AdaBN.Onnx ← AdaBN ← { AdaBN.MLNet, { AdaBN.Images, AdaBN.Mpi } ← AdaBN.Cli }.</summary>
[TestClass]
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> AllowedProjects = new()
    {
        ["AdaBN.Onnx"] = [],
        ["AdaBN"] = ["AdaBN.Onnx"],
        ["AdaBN.MLNet"] = ["AdaBN"],
        ["AdaBN.Images"] = ["AdaBN"],
        ["AdaBN.Mpi"] = ["AdaBN"],
        ["AdaBN.Cli"] = ["AdaBN", "AdaBN.Images", "AdaBN.Mpi"],
    };

    private static readonly Dictionary<string, string> OnlyRoomOf = new()
    {
        ["Google.Protobuf"] = "AdaBN.Onnx",
        ["Microsoft.ML"] = "AdaBN.MLNet",
        ["Microsoft.ML.OnnxTransformer"] = "AdaBN.MLNet",
        ["SkiaSharp"] = "AdaBN.Images",
        ["SkiaSharp.NativeAssets.Linux.NoDependencies"] = "AdaBN.Images",
        ["Spectre.Console"] = "AdaBN.Cli",
        ["System.CommandLine"] = "AdaBN.Cli",
    };

    [TestMethod]
    public void Projects_reference_only_what_lies_upstream()
    {
        string[] projects = [.. Directory.GetDirectories(Path.Combine(Repository.Root, "src")).Select(folder => Path.GetFileName(folder)!)];
        CollectionAssert.AreEquivalent(AllowedProjects.Keys, projects);
        foreach (string project in projects)
        {
            XDocument xml = XDocument.Load(Path.Combine(Repository.Root, "src", project, $"{project}.csproj"));
            string[] references = [.. xml.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))];
            CollectionAssert.IsSubsetOf(references, AllowedProjects[project], project);
            foreach (string package in xml.Descendants("PackageReference").Select(reference => reference.Attribute("Include")!.Value))
                Assert.AreEqual(OnlyRoomOf.GetValueOrDefault(package, project), project, $"{project} references {package}");
        }
    }

    [TestMethod]
    public void Inside_the_engine_no_stage_names_a_later_one()
    {
        // load → discover → plan → measure → decide → judge → write; the adapter alone sees all of them.
        string[] flow = ["Distributed", "Input", "Discovery", "Planning", "Storage", "Measurement", "Policies", "Forms", "Reference", "Judgement", "Rewriting", "Domains"];
        var allowed = new Dictionary<string, string[]>
        {
            ["Discovery"] = ["Planning"], // depth is told with each layer
        };
        foreach (string room in flow)
        {
            string[] later = [.. flow[(Array.IndexOf(flow, room) + 1)..].Except(allowed.GetValueOrDefault(room, []))];
            foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "src", "AdaBN", room), "*.cs"))
            {
                string[] used = [.. UsingPattern().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value)];
                Assert.IsEmpty(used.Intersect(later), $"{Path.GetFileName(file)} uses {string.Join(", ", used.Intersect(later))}");
            }
        }
    }

    [TestMethod]
    public void Source_files_stay_short_and_the_adapter_under_150_lines()
    {
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories))
            Assert.IsLessThanOrEqualTo(400, File.ReadLines(file).Count(), file);
        Assert.IsLessThan(150, File.ReadLines(Path.Combine(Repository.Root, "src", "AdaBN", "BatchNormAdapter.cs")).Count());
    }

    [GeneratedRegex(@"^using AdaBN\.(\w+);", RegexOptions.Multiline)]
    private static partial Regex UsingPattern();
}
