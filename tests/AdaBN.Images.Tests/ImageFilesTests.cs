using AdaBN.TestSupport;

namespace AdaBN.Images.Tests;

/// <summary>Which files a folder or a list names, in which order, of which class.</summary>
[TestClass]
public sealed class ImageFilesTests
{
    [TestMethod]
    public void A_folder_gives_its_images_in_ordinal_order_with_classes()
    {
        using var folder = new TemporaryFolder();
        Touch(folder, "b/2.JPG", "b/10.png", "a b/x.jpeg", "a b/deeper/y.bmp", "B/z.png", ".hidden/x.png", "b/.x.png", "b/notes.txt", "b/x.gif");
        ImageFiles files = ImageFiles.InFolder(folder.Path);
        CollectionAssert.AreEqual(new[] { "B/z.png", "a b/deeper/y.bmp", "a b/x.jpeg", "b/10.png", "b/2.JPG" }, files.Files.Select(file => file.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "B", "a b", "b" }, files.Classes);
        CollectionAssert.AreEqual(new[] { 0, 1, 1, 2, 2 }, files.Labels!.ToArray());
        Assert.AreEqual($"2 files of other kinds in {folder.Path} were left out.", files.Findings.Single());

        Touch(folder, "loose.png");
        Assert.IsNull(ImageFiles.InFolder(folder.Path).Labels, "an image above all classes has none");
        Assert.Contains("names no image", Assert.ThrowsExactly<AdaptationException>(() => ImageFiles.InFolder(Directory.CreateDirectory(folder.File("empty")).FullName)).Message);
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => ImageFiles.InFolder(folder.File("nowhere")));
    }

    [TestMethod]
    public void Folders_named_by_numbers_are_numbered_by_their_order_as_torchvision_does()
    {
        using var folder = new TemporaryFolder();
        Touch(folder, "2/a.png", "10/a.png", "0/a.png");
        ImageFiles files = ImageFiles.InFolder(folder.Path);
        CollectionAssert.AreEqual(new[] { "0", "10", "2" }, files.Classes);
        CollectionAssert.AreEqual(new[] { 0, 1, 2 }, files.Labels!.ToArray());
    }

    [TestMethod]
    public void Links_to_files_are_followed_and_links_to_folders_are_not()
    {
        using var folder = new TemporaryFolder();
        Touch(folder, "a/1.png");
        try
        {
            File.CreateSymbolicLink(folder.File("a/2.png"), folder.File("a/1.png"));
            File.CreateSymbolicLink(folder.File("a/3.png"), folder.File("a/gone.png"));
            Directory.CreateSymbolicLink(folder.File("a/round"), folder.Path);
        }
        catch (IOException) when (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("making links needs a privilege on Windows");
        }
        ImageFiles files = ImageFiles.InFolder(folder.Path);
        CollectionAssert.AreEqual(new[] { "a/1.png", "a/2.png", "a/3.png" }, files.Files.Select(file => file.Name).ToArray());
        Assert.Contains("1 links to folders", files.Findings.Single());
    }

    [TestMethod]
    public void A_list_gives_its_lines_in_order()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("list.txt"), "\uFEFFb\\2.png\r\n\r\na/1.png\n  /absolute/x.png  \n\"c, d/3.jpg\"\nC:\\data\\4.bmp");
        ImageFiles files = ImageFiles.Listed(folder.File("list.txt"));
        CollectionAssert.AreEqual(new[] { "b/2.png", "a/1.png", "/absolute/x.png", "c, d/3.jpg", "C:/data/4.bmp" }, files.Files.Select(file => file.Name).ToArray());
        Assert.AreEqual(Path.GetFullPath(folder.File("b/2.png")), files.Files[0].Path);
        Assert.IsNull(files.Labels);

        File.WriteAllText(folder.File("list.csv"), "path,label\na.png,7\nb, c.png,0\n");
        CollectionAssert.AreEqual(new[] { 7, 0 }, ImageFiles.Listed(folder.File("list.csv")).Labels!.ToArray(), "numbers are classes themselves");
        File.WriteAllText(folder.File("list.csv"), "a.png,tree\nb.png,car\nc.png,tree\n");
        CollectionAssert.AreEqual(new[] { 1, 0, 1 }, ImageFiles.Listed(folder.File("list.csv")).Labels!.ToArray());
        File.WriteAllText(folder.File("list.csv"), "a.png,tree\nb.png\n");
        Assert.Contains("line 2: some lines give a class", Assert.ThrowsExactly<InvalidDataException>(() => ImageFiles.Listed(folder.File("list.csv"))).Message);
        File.WriteAllText(folder.File("list.csv"), "\n\n");
        Assert.AreEqual(AdaptationError.EmptyData, Assert.ThrowsExactly<AdaptationException>(() => ImageFiles.Listed(folder.File("list.csv"))).Error);
        File.WriteAllBytes(folder.File("list.csv"), [0, 1, 2]);
        Assert.Contains("no text file", Assert.ThrowsExactly<InvalidDataException>(() => ImageFiles.Listed(folder.File("list.csv"))).Message);
    }

    private static void Touch(TemporaryFolder folder, params string[] files)
    {
        foreach (string file in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(file))!);
            File.WriteAllText(folder.File(file), "");
        }
    }
}
